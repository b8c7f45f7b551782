// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "demo/vec3.h"

namespace shoplens {

enum class PackageKind { kBox, kCan, kBottle, kBag, kJar, kCarton, kTube };
inline constexpr int kPackageKinds = 7;
const char* to_string(PackageKind kind);  // "box", "can", ...

/// The picture on the front.
enum class Motif { kFruit, kBerries, kCitrus, kLeaf, kNut, kChili, kGrain, kDrop, kStar };

/// How the front is laid out.
enum class Layout { kSwoosh, kBadge, kStripes, kArch, kBurst, kWaves };
inline constexpr int kLayouts = 6;

/// What the products of a family share.
struct Design {
  Layout layout;
  Vec3 base, second, paper, ink;        // brand colour, its companion, the light panel, dark text
  float weight, slant, stretch, round;  // lettering; corner radius of pills and panels, 0 to 1
  float tilt;                           // of the motifs, radians
  int motifs;                           // how many
};

/// An invented product: one class of the generated set.
struct Product {
  std::string label;  // "Nordo-Oat-Milk-Vanilla-1L": distinct within a set, safe as a folder name
  std::string brand, type, flavour, size;
  PackageKind kind;
  Design design;
  Vec3 accent;  // the flavour's colour
  Motif motif;
  float width, height, depth;  // of the package, decimetres
  std::uint64_t seed;
};

/// `classes` products of the stream `seed`. They come in families of two to four that share brand,
/// type and design and differ in a word and mostly a colour, as a shop's do. A set is a prefix of a
/// larger one.
std::vector<Product> make_products(std::uint64_t seed, int classes);

}  // namespace shoplens
