// What the functions of the plain C interface share: structures of the caller read, faults reported, exceptions turned into a status and a
// text.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "hedgecore/hedgecore.h"
#include "hedgecore/parallel.hpp"
#include "hedgecore/pricing.hpp"

namespace hedgecore::c_interface {

inline thread_local std::string last_error;

struct Stopped {};

// A structure of the caller: as much of it as he has, the rest null.
template <class T>
T read(const T* given, const char* name) {
    T whole{};
    if (!given) throw std::invalid_argument(std::string(name) + " must not be null");
    if (given->size < sizeof(std::size_t) || given->size > std::size_t(1) << 16) {
        throw std::invalid_argument(std::string(name) + ".size = " + std::to_string(given->size) + " must be sizeof(" + name + ")");
    }
    std::memcpy(&whole, given, std::min(sizeof whole, given->size));
    return whole;
}

template <class T>
T* required(T* values, const char* name, std::size_t n) {
    if (n > 0 && !values) throw std::invalid_argument(std::string(name) + " must not be null");
    return values;
}

// How many numbers an array has; more than there can be are none.
inline std::size_t cells(std::size_t n, std::size_t each) {
    if (each > 0 && n > (std::size_t(-1) >> 8) / each) {
        throw std::invalid_argument(std::to_string(n) + " x " + std::to_string(each) + " numbers are more than memory can have");
    }
    return n * each;
}

inline void known(std::size_t count, std::size_t most, const char* name) {
    if (count > most) throw std::invalid_argument(std::string(name) + " = " + std::to_string(count) + " must be at most " + std::to_string(most));
}

// One of the names of an enumeration, the last of which is `last`. A caller in C may give any number, which C++ must not read as a name.
template <class To, class From>
To chosen(const From& value, int last, const std::string& name) {
    static_assert(sizeof(From) == sizeof(int));
    int code;
    std::memcpy(&code, &value, sizeof code);
    if (code < 0 || code > last) throw std::invalid_argument(name + " = " + std::to_string(code) + " is none");
    return To(code);
}

// A flag: what is neither 0 nor 1 was never set, or is another field's.
inline bool flag(int value, const std::string& name) {
    if (value != 0 && value != 1) throw std::invalid_argument(name + " = " + std::to_string(value) + " must be 0 or 1");
    return value == 1;
}

inline std::string text(double value) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.17g", value);
    return digits;
}

template <class T>
Column<T> column(const T* values) {
    return {values, values ? 1 : 0};
}

// What the fields of hc_options say (to value them there must be vols), and one of its columns that must be there.
Options options_of(const hc_options* given);
inline Options valued_options_of(const hc_options* given) {
    const Options options = options_of(given);
    if (options.n > 0 && !options.vol) throw std::invalid_argument("vol must not be null");
    return options;
}
Column<double> column_of(const hc_column& given, const std::string& name, std::size_t n);
Greek greek_of(const hc_greek* given, std::size_t j, std::size_t n);

inline Execution execution_of(const hc_execution* given) {
    Execution execution;
    if (!given) return execution;
    const hc_execution how = read(given, "hc_execution");
    if (how.threads < 0 || how.threads > 1024) {
        throw std::invalid_argument("threads = " + std::to_string(how.threads) + " must be from 0 to 1024");
    }
    execution.threads = how.threads;
    if (how.poll) {
        execution.poll = [how] {
            if (how.poll(how.user) != 0) throw Stopped{};
        };
    }
    return execution;
}

inline hc_status report(const Faults& found, hc_faults* faults) {
    if (faults) {
        const hc_faults filled{faults->size, found.count, found.row, found.argument, found.value, found.demand};
        std::memcpy(faults, &filled, std::min(sizeof filled, read(faults, "hc_faults").size));
    }
    if (found.count == 0) return HC_OK;
    last_error = std::string(found.argument) + "[" + std::to_string(found.row) + "] = " + text(found.value) + " must be " + found.demand +
                 " (" + std::to_string(found.count) + " bad rows in all)";
    return HC_BAD_ROWS;
}

template <class Call>
hc_status guarded(const Call& call) noexcept {
    try {
        try {
            last_error.clear();
            return call();
        } catch (const Stopped&) {
            last_error = "stopped by poll";
            return HC_STOPPED;
        } catch (const std::invalid_argument& error) {
            last_error = error.what();
            return HC_INVALID_ARGUMENT;
        } catch (const std::length_error&) {
            last_error = "out of memory";
            return HC_OUT_OF_MEMORY;
        } catch (const std::bad_alloc&) {
            last_error = "out of memory";
            return HC_OUT_OF_MEMORY;
        } catch (const std::exception& error) {
            last_error = error.what();
            return HC_FAILED;
        }
    } catch (...) {  // no memory for the text itself
        return HC_OUT_OF_MEMORY;
    }
}

}  // namespace hedgecore::c_interface
