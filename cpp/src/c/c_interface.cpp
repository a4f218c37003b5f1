// What is common to all parts of the plain C interface: versions, errors, threads.
#include "c_interface.hpp"

#include <memory>

#include "hedgecore/build_info.hpp"

using namespace hedgecore;
using namespace hedgecore::c_interface;

extern "C" {

int hc_api_version(void) { return HC_API_VERSION; }

const char* hc_version(void) { return HEDGECORE_VERSION; }

const char* hc_last_error(void) { return last_error.c_str(); }

hc_status hc_set_num_threads(int threads) {
    return guarded([&] {
        set_num_threads(threads);
        return HC_OK;
    });
}

hc_status hc_num_threads(int* threads) {
    return guarded([&] {
        *required(threads, "threads", 1) = num_threads();
        return HC_OK;
    });
}

hc_status hc_set_executor(hc_submit submit, void* user) {
    return guarded([&] {
        if (!submit) {
            set_executor(nullptr);
            return HC_OK;
        }
        set_executor([submit, user](std::function<void()> work) {
            auto argument = std::make_unique<std::function<void()>>(std::move(work));
            const auto run = [](void* kept) { (*std::unique_ptr<std::function<void()>>(static_cast<std::function<void()>*>(kept)))(); };
            if (submit(user, run, argument.get()) == 0) static_cast<void>(argument.release());  // it is the host's to run, which frees it
        });
        return HC_OK;
    });
}

}  // extern "C"
