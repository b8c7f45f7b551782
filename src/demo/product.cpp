// SPDX-License-Identifier: Apache-2.0
#include "demo/product.h"

#include <iterator>
#include <set>

#include "core/random.h"

namespace shoplens {
namespace {

// Brands are a first half and a second half: invented, and enough of them for a thousand families.
constexpr const char* kFirst[] = {"Nor", "Vel", "Bri", "Tav", "Zun", "Pel", "Kor",
                                  "Mil", "Fen", "Hul", "Gre", "Lum", "Sov", "Dra",
                                  "Wen", "Jas", "Rok", "Ubi", "Yar", "Kel", "Est"};
constexpr const char* kSecond[] = {"do",  "mio", "sel", "ovo", "ari", "low", "nta", "dek",
                                   "bru", "fi",  "zo",  "mar", "tis", "lig", "ppo", "nu"};

struct Flavour {
  const char* word;
  Motif motif;
  Vec3 colour;
};
constexpr Flavour kSweet[] = {{"Strawberry", Motif::kBerries, {0.85f, 0.12f, 0.22f}},
                              {"Lemon", Motif::kCitrus, {0.98f, 0.80f, 0.08f}},
                              {"Orange", Motif::kCitrus, {0.96f, 0.52f, 0.06f}},
                              {"Apple", Motif::kFruit, {0.45f, 0.68f, 0.16f}},
                              {"Cherry", Motif::kFruit, {0.68f, 0.05f, 0.16f}},
                              {"Blueberry", Motif::kBerries, {0.24f, 0.27f, 0.62f}},
                              {"Peach", Motif::kFruit, {0.97f, 0.62f, 0.40f}},
                              {"Lime", Motif::kCitrus, {0.55f, 0.76f, 0.16f}},
                              {"Mint", Motif::kLeaf, {0.10f, 0.62f, 0.48f}},
                              {"Plum", Motif::kFruit, {0.42f, 0.14f, 0.42f}},
                              {"Vanilla", Motif::kStar, {0.93f, 0.83f, 0.55f}},
                              {"Hazelnut", Motif::kNut, {0.55f, 0.34f, 0.18f}}};
constexpr Flavour kSavoury[] = {{"Paprika", Motif::kChili, {0.84f, 0.18f, 0.10f}},
                                {"Sea Salt", Motif::kDrop, {0.20f, 0.52f, 0.78f}},
                                {"Herbs", Motif::kLeaf, {0.28f, 0.56f, 0.22f}},
                                {"Pepper", Motif::kBerries, {0.24f, 0.22f, 0.24f}},
                                {"Onion", Motif::kFruit, {0.56f, 0.28f, 0.50f}},
                                {"Honey", Motif::kDrop, {0.93f, 0.64f, 0.12f}},
                                {"Chili", Motif::kChili, {0.72f, 0.08f, 0.08f}},
                                {"Basil", Motif::kLeaf, {0.14f, 0.48f, 0.20f}}};
constexpr Flavour kPlain[] = {{"Classic", Motif::kGrain, {0.78f, 0.58f, 0.20f}},
                              {"Light", Motif::kLeaf, {0.40f, 0.72f, 0.84f}},
                              {"Bio", Motif::kLeaf, {0.36f, 0.62f, 0.24f}},
                              {"Extra", Motif::kStar, {0.76f, 0.16f, 0.20f}},
                              {"Mild", Motif::kDrop, {0.86f, 0.66f, 0.40f}},
                              {"Whole Grain", Motif::kGrain, {0.60f, 0.42f, 0.22f}}};

enum class Taste { kSweet, kSavoury, kPlain };
struct Type {
  PackageKind kind;
  const char* word;
  Taste taste;
  const char* sizes[2];
};
constexpr Type kTypes[] = {
    {PackageKind::kBox, "Muesli", Taste::kSweet, {"375g", "500g"}},
    {PackageKind::kCan, "Soda", Taste::kSweet, {"330ml", "250ml"}},
    {PackageKind::kBottle, "Juice", Taste::kSweet, {"1L", "750ml"}},
    {PackageKind::kBag, "Chips", Taste::kSavoury, {"150g", "200g"}},
    {PackageKind::kJar, "Jam", Taste::kSweet, {"340g", "250g"}},
    {PackageKind::kCarton, "Oat Milk", Taste::kPlain, {"1L", "500ml"}},
    {PackageKind::kTube, "Toothpaste", Taste::kSweet, {"75ml", "100ml"}},
    {PackageKind::kBox, "Crackers", Taste::kSavoury, {"200g", "125g"}},
    {PackageKind::kCan, "Beans", Taste::kSavoury, {"400g", "240g"}},
    {PackageKind::kBottle, "Syrup", Taste::kSweet, {"500ml", "700ml"}},
    {PackageKind::kBag, "Coffee", Taste::kPlain, {"250g", "500g"}},
    {PackageKind::kJar, "Pesto", Taste::kSavoury, {"190g", "135g"}},
    {PackageKind::kCarton, "Iced Tea", Taste::kSweet, {"1L", "500ml"}},
    {PackageKind::kTube, "Hand Cream", Taste::kSweet, {"50ml", "100ml"}},
    {PackageKind::kBox, "Tea", Taste::kSweet, {"40g", "25g"}},
    {PackageKind::kCan, "Tonic", Taste::kPlain, {"250ml", "330ml"}},
    {PackageKind::kBag, "Rice", Taste::kPlain, {"500g", "1kg"}},
    {PackageKind::kBottle, "Shampoo", Taste::kSweet, {"250ml", "300ml"}},
};

template <std::size_t n>
const Flavour& choose(const Flavour (&list)[n], int turn) {
  return list[static_cast<std::size_t>(turn) % n];
}

const Flavour& flavour_of(Taste taste, int turn) {
  if (taste == Taste::kSweet) return choose(kSweet, turn);
  return taste == Taste::kSavoury ? choose(kSavoury, turn) : choose(kPlain, turn);
}

Design random_design(Random& random) {
  Design d{};
  const auto real = [&](double low, double high) {
    return static_cast<float>(random.uniform(low, high));
  };
  d.layout = static_cast<Layout>(random.integer(0, kLayouts - 1));
  const float hue = real(0, 1);
  d.base = hsv(hue, real(0.55, 0.95), real(0.45, 0.85));
  const float turn = random.chance(0.5) ? real(0.42, 0.58) : real(-0.12, 0.12);
  d.second = hsv(hue + turn, real(0.35, 0.85), real(0.3, 0.95));
  d.paper = hsv(real(0.05, 0.17), real(0.01, 0.14), real(0.93, 1));
  if (random.chance(0.12)) {  // the white and the black ranges every shop has
    d.base = random.chance(0.5) ? Vec3{0.12f, 0.12f, 0.14f} : Vec3{0.93f, 0.93f, 0.91f};
  }
  d.ink = hsv(hue, real(0.3, 0.8), real(0.12, 0.3));
  d.weight = real(0.13, 0.23);
  d.slant = random.chance(0.35) ? real(0.1, 0.3) : 0;
  d.stretch = real(0.75, 1.2);
  d.round = real(0, 1);
  d.tilt = real(-0.5, 0.5);
  d.motifs = random.integer(1, 3);
  return d;
}

// Outside measures of a kind, with a little of the family's own.
void set_measures(Product& p, Random& random) {
  struct Measure {
    float width, height, depth;
  };
  constexpr Measure kMeasures[kPackageKinds] = {
      {1.35f, 1.9f, 0.5f},   {0.72f, 1.15f, 0.72f}, {0.78f, 2.2f, 0.78f}, {1.5f, 2.0f, 0.55f},
      {0.85f, 1.05f, 0.85f}, {0.82f, 1.95f, 0.82f}, {0.62f, 1.6f, 0.45f}};
  const Measure m = kMeasures[static_cast<int>(p.kind)];
  const auto stretch = [&] { return static_cast<float>(random.uniform(0.88, 1.12)); };
  p.width = m.width * stretch();
  p.height = m.height * stretch();
  p.depth = m.width == m.depth ? p.width : m.depth * stretch();
}

std::string joined_label(const Product& p) {
  std::string label = p.brand + "-" + p.type + "-" + p.flavour + "-" + p.size;
  std::replace(label.begin(), label.end(), ' ', '-');
  return label;
}

// The next family: a brand, a type, a design, and its members' flavours one by one.
std::vector<Product> make_family(std::uint64_t seed, int family) {
  Random random{seed, 0xFA31, static_cast<std::uint64_t>(family)};
  Product shared{};
  shared.brand = std::string(kFirst[random.integer(0, std::size(kFirst) - 1)]) +
                 kSecond[random.integer(0, std::size(kSecond) - 1)];
  const Type& type =
      kTypes[(static_cast<std::size_t>(family) * 5 + seed % std::size(kTypes)) % std::size(kTypes)];
  shared.kind = type.kind;
  shared.type = type.word;
  shared.size = type.sizes[random.integer(0, 1)];
  shared.design = random_design(random);
  shared.seed = random.next();
  set_measures(shared, random);

  std::vector<Product> members;
  const int count = random.integer(2, 4), first = random.integer(0, 23);
  const bool two_sizes = random.chance(0.25);  // the last member is the first one in another size
  const float sameness = random.chance(0.3) ? 0.75f : 0;  // some families hardly change the colour
  for (int i = 0; i < count; ++i) {
    Product p = shared;
    const bool other_size = two_sizes && i == count - 1;
    const Flavour& f = flavour_of(type.taste, first + (other_size ? 0 : i));
    if (other_size) p.size = p.size == type.sizes[0] ? type.sizes[1] : type.sizes[0];
    p.flavour = f.word;
    p.motif = f.motif;
    p.accent = mix(f.colour, shared.design.second, sameness);
    p.label = joined_label(p);
    members.push_back(p);
  }
  return members;
}

}  // namespace

const char* to_string(PackageKind kind) {
  constexpr const char* kNames[] = {"box", "can", "bottle", "bag", "jar", "carton", "tube"};
  return kNames[static_cast<int>(kind)];
}

std::vector<Product> make_products(std::uint64_t seed, int classes) {
  std::vector<Product> products;
  std::set<std::string> labels;
  for (int family = 0; static_cast<int>(products.size()) < classes; ++family)
    for (Product& p : make_family(seed, family)) {
      if (static_cast<int>(products.size()) == classes) break;
      // Two families may draw the same names; the later product is then another generation of it.
      for (int again = 2; !labels.insert(p.label).second; ++again)
        p.label = joined_label(p) + "-V" + std::to_string(again);
      products.push_back(std::move(p));
    }
  return products;
}

}  // namespace shoplens
