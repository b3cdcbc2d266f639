// Tests of the plain C++ without Node or a framework: each TEST registers itself, CHECK ends the run where it fails.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace gotgt::test {

struct Case {
  const char* name;
  void (*run)();
};

std::vector<Case>& cases();

struct Registration {
  Registration(const char* name, void (*run)()) { cases().push_back(Case{name, run}); }
};

}  // namespace gotgt::test

#define GOTGT_JOIN_(a, b) a##b
#define GOTGT_JOIN(a, b) GOTGT_JOIN_(a, b)

#define TEST(name)                                                                                               \
  static void GOTGT_JOIN(test_, __LINE__)();                                                                     \
  static const gotgt::test::Registration GOTGT_JOIN(registration_, __LINE__)(name, GOTGT_JOIN(test_, __LINE__)); \
  static void GOTGT_JOIN(test_, __LINE__)()

#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                \
    }                                                                         \
  } while (0)

#define CHECK_EQUAL(is, should)                                                                                \
  do {                                                                                                         \
    const long long is_value = static_cast<long long>(is);                                                     \
    const long long should_value = static_cast<long long>(should);                                             \
    if (is_value != should_value) {                                                                            \
      fprintf(stderr, "%s:%d: %s is %lld, should be %lld\n", __FILE__, __LINE__, #is, is_value, should_value); \
      exit(1);                                                                                                 \
    }                                                                                                          \
  } while (0)
