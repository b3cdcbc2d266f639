#include "check.h"

namespace gotgt::test {

std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

}  // namespace gotgt::test

int main() {
  for (const auto& test : gotgt::test::cases()) {
    fprintf(stderr, "%s\n", test.name);
    test.run();
  }
  printf("%zu native tests passed\n", gotgt::test::cases().size());
  return 0;
}
