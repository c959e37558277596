/* A check that prints where it failed; main returns check_failures() != 0. */
#ifndef POSTPROCESS_TESTS_CHECK_H
#define POSTPROCESS_TESTS_CHECK_H

#include <stdio.h>

static int check_failed_count = 0;

static inline void check_report(int passed, const char* text, const char* file, int line) {
    if (!passed) {
        fprintf(stderr, "%s:%d: not so: %s\n", file, line, text);
        ++check_failed_count;
    }
}

static inline int check_failures(void) { return check_failed_count; }

#define CHECK(condition) check_report((condition) ? 1 : 0, #condition, __FILE__, __LINE__)

#endif
