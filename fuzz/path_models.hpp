// Assets and levels of random paths, out of a fuzzer's bytes.
#pragma once

#include "bytes.hpp"
#include "hedgecore/paths.hpp"

namespace fuzz {

// Now and then a number other than what means nothing.
inline void some(Bytes& bytes, double& x, double low, double high) {
    if (bytes.below(4) == 0) x = bytes.number(low, high);
}
inline void some(Bytes& bytes, std::size_t& n, std::size_t below) {
    if (bytes.below(4) == 0) n = bytes.below(below);
}

inline hedgecore::PathAsset asset_of(Bytes& bytes) {
    using namespace hedgecore;
    PathAsset asset;
    asset.spot = bytes.number(50, 150);
    some(bytes, asset.drift, -0.5, 0.5);
    asset.vol = bytes.number(0, 2);
    switch (bytes.below(5)) {
        case 1: asset.jumps = {JumpKind::normal, bytes.number(0, 50), bytes.number(-0.2, 0.2), bytes.number(0, 0.2), 0, 0, 0}; break;
        case 2: asset.jumps = {JumpKind::double_exponential, bytes.number(0, 50), 0, 0, bytes.number(0, 1), bytes.number(2, 20), bytes.number(2, 20)}; break;
        case 3:
            asset.heston = HestonVariance{bytes.number(0, 1), bytes.number(0.1, 5), bytes.number(0.01, 1), bytes.number(0.1, 2), bytes.number(-1, 1)};
            break;
        default: break;
    }
    return asset;
}

inline hedgecore::LevelProcess level_of(Bytes& bytes) {
    hedgecore::LevelProcess level;
    level.start = bytes.number(0.01, 1);
    level.mean = bytes.number(0, 1);
    level.reversion = bytes.number(0, 50);
    level.vol = bytes.number(0, 1);
    level.logarithmic = bytes.flag();
    level.low = bytes.number(0, 0.01);
    level.high = bytes.number(0.5, 5);
    return level;
}

}  // namespace fuzz
