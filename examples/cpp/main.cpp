// SPDX-License-Identifier: Apache-2.0
// name_product GALLERY.db PHOTO...: names the product in each photo, with what it most looks like.
#include <shoplens/shoplens.h>

#include <iomanip>
#include <iostream>

namespace {

void print(const shoplens::v1::Answer& answer) {
  std::cout << (answer.unknown ? "unknown, perhaps " : "") << answer.label << "  " << answer.score;
  if (answer.probability) std::cout << "  (right with probability " << *answer.probability << ')';
  std::cout << '\n';
  for (const auto& n : answer.neighbours)
    std::cout << "    " << n.score << "  " << n.label << "  " << n.path << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::cerr << "usage: name_product GALLERY.db PHOTO...\n";
    return 2;
  }
  const std::vector<std::filesystem::path> photos(argv + 2, argv + argc);
  const shoplens::v1::Recognizer recognizer(argv[1], {.top = 3});

  std::cout << std::fixed << std::setprecision(3);
  bool all = true;
  const std::vector<shoplens::v1::Outcome> outcomes = recognizer.recognize_files(photos);
  for (std::size_t i = 0; i < photos.size(); ++i) {
    std::cout << photos[i].string() << ": ";
    if (const auto* answer = std::get_if<shoplens::v1::Answer>(&outcomes[i])) {
      print(*answer);
    } else {
      std::cout << std::get<shoplens::v1::Error>(outcomes[i]).what() << '\n';
      all = false;
    }
  }
  return all ? 0 : 1;
} catch (const shoplens::v1::Error& e) {
  std::cerr << "error: " << e.what() << '\n';
  if (!e.hint().empty()) std::cerr << "hint: " << e.hint() << '\n';
  return 2;
}
