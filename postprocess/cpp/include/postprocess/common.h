/* What all headers of this library share: export, version, status, counts of non-finite values. */
#ifndef POSTPROCESS_COMMON_H
#define POSTPROCESS_COMMON_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(POSTPROCESS_SHARED)
#ifdef POSTPROCESS_BUILDING
#define PP_API __declspec(dllexport)
#else
#define PP_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define PP_API __attribute__((visibility("default")))
#else
#define PP_API
#endif

/* Version of this header: major * 10000 + minor * 100 + patch. */
#define PP_VERSION_MAJOR 0
#define PP_VERSION_MINOR 1
#define PP_VERSION_PATCH 0
#define PP_VERSION (PP_VERSION_MAJOR * 10000 + PP_VERSION_MINOR * 100 + PP_VERSION_PATCH)

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pp_status {
    PP_OK = 0,
    PP_ERROR_NULL = 1,      /* a pointer that is needed is NULL */
    PP_ERROR_SHAPE = 2,     /* a size is 0 where it cannot be, or sizes overflow size_t */
    PP_ERROR_PARAMETER = 3, /* a parameter is out of its range */
    PP_ERROR_CAPACITY = 4,  /* an output buffer is too small */
    PP_ERROR_MEMORY = 5     /* scratch memory could not be had */
} pp_status;

/* Values of an input that are not finite. */
typedef struct pp_non_finite {
    size_t nan;
    size_t positive_infinity;
    size_t negative_infinity;
} pp_non_finite;

/* Version of the library that runs, to compare with PP_VERSION. */
PP_API int pp_version(void);

/* A constant English sentence for a pp_status; never NULL, also for an unknown one. */
PP_API const char* pp_status_message(int status);

#ifdef __cplusplus
}
#endif

#endif /* POSTPROCESS_COMMON_H */
