// Version and error messages.
#include "postprocess/decode.h"

extern "C" {

int pp_version(void) { return PP_VERSION; }

const char* pp_status_message(int status) {
    switch (status) {
        case PP_OK:
            return "no error";
        case PP_ERROR_NULL:
            return "a pointer that is needed is NULL";
        case PP_ERROR_SHAPE:
            return "a size is 0 where it cannot be, or sizes overflow size_t";
        case PP_ERROR_PARAMETER:
            return "a parameter is out of its range";
        case PP_ERROR_CAPACITY:
            return "an output buffer is too small";
        case PP_ERROR_MEMORY:
            return "scratch memory could not be had";
    }
    return "unknown status";
}

}  // extern "C"
