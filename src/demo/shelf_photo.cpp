// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <string>

#include "demo/lens.h"
#include "demo/occlusion.h"
#include "demo/package.h"
#include "demo/photo.h"
#include "demo/render.h"
#include "demo/stroke_font.h"

namespace shoplens {
namespace {

constexpr float kEdge = 0.22f;   // the board reaches this far before the packages' fronts
constexpr float kRail = 0.34f;   // height of the price rail
constexpr float kHalfShelf = 7;  // half of the shelf's width
constexpr float kDeep = 2.6f;    // its depth

// The looks of one shop.
struct Shop {
  Vec3 board, rail, wall, tag;
  float above;  // height of the next board
};

Shop random_shop(const Product& p, Random& random) {
  const auto real = [&](double low, double high) {
    return static_cast<float>(random.uniform(low, high));
  };
  const Vec3 boards[] = {
      {0.88f, 0.88f, 0.86f}, {0.62f, 0.64f, 0.66f}, {0.66f, 0.5f, 0.34f}, {0.3f, 0.31f, 0.33f}};
  const Vec3 tags[] = {{0.98f, 0.98f, 0.96f}, {0.99f, 0.86f, 0.2f}, {0.98f, 0.97f, 0.9f}};
  Shop shop;
  shop.board = boards[random.integer(0, 3)] * real(0.85, 1.05);
  shop.rail = random.chance(0.4) ? hsv(real(0, 1), 0.7f, 0.7f) : shop.board * 0.92f;
  shop.wall = hsv(real(0, 1), real(0, 0.3), real(0.2, 0.6));
  shop.tag = tags[random.integer(0, 2)];
  shop.above = p.height * real(1.15, 1.5) + 0.15f;
  return shop;
}

Image price_tag(const Vec3& paper, Random& random) {
  Canvas tag(96, 60, paper);
  TextStyle style;
  style.weight = 0.2f;
  const std::string price =
      std::to_string(random.integer(0, 9)) + "." + std::to_string(random.integer(1, 9)) + "9";
  draw_text(tag, price, {0.98f, 0.42f}, 0.5f, 1.1f, style, {0.1f, 0.1f, 0.12f});
  for (int i = 0; i < 3; ++i)
    tag.rounded_box(
        {0.12f, 0.15f + 0.11f * static_cast<float>(i), 0.42f, 0.2f + 0.11f * static_cast<float>(i)},
        0, {0.35f, 0.35f, 0.38f});
  tag.rounded_box({0, 0.84f, 1.6f, 1}, 0, {0.75f, 0.1f, 0.12f});
  return to_image(tag);
}

// A board with its price rail and tags, its top at height y.
Mesh board(const Shop& shop, float y, const Image& tag, Random& random) {
  const float x = kHalfShelf, z = kEdge;
  Material wood{nullptr, shop.board, 0.08f};
  wood.ground = true;
  const Material rail{nullptr, shop.rail, 0.3f}, under{nullptr, shop.board * 0.6f, 0};
  Mesh mesh{make_quad({-x, y, -kDeep}, {x, y, -kDeep}, {x, y, z}, {-x, y, z}, wood),
            make_quad({-x, y, z}, {x, y, z}, {x, y - kRail, z}, {-x, y - kRail, z}, rail),
            make_quad({-x, y - 0.1f, z}, {x, y - 0.1f, z}, {x, y - 0.1f, -kDeep},
                      {-x, y - 0.1f, -kDeep}, under)};
  const Material paper{&tag, {}, 0.2f};
  for (float at = -3.f + static_cast<float>(random.uniform(0, 0.8)); at < 3;
       at += static_cast<float>(random.uniform(0.7, 1.5)))
    mesh.push_back(make_quad({at, y - 0.03f, z + 0.015f}, {at + 0.46f, y - 0.03f, z + 0.015f},
                             {at + 0.46f, y - 0.31f, z + 0.015f}, {at, y - 0.31f, z + 0.015f},
                             paper));
  return mesh;
}

// Puts packages on the board from the product outwards, each with another one behind it.
class Shelf {
 public:
  Shelf(Scene& scene, float yaw, Random& random) : scene_(scene), yaw_(yaw), random_(random) {}

  void stand(const Stocked& item, float x, float y, float turn) {
    const Product& p = item.product;
    const float z = -p.depth / 2 - static_cast<float>(random_.uniform(0, 0.12));
    const Mesh mesh = make_package(p, item.artwork);
    for (int row = 0; row < 2; ++row) {
      const Vec3 at{x, y, z - static_cast<float>(row) * (p.depth + 0.08f)};
      add(placed(mesh, turn, at));
      if (y == 0) {
        const Mesh spot = placed({Part{{{at, {0, 1, 0}, 0, 0}}, {}, {}}}, yaw_, {});
        const Vec3& q = spot[0].vertices[0].position;
        scene_.footprints.push_back({q.x, q.z, p.width * 0.46f, p.depth * 0.46f});
      }
    }
  }
  void add(const Mesh& mesh) { scene_.meshes.push_back(placed(mesh, yaw_, {})); }

 private:
  Scene& scene_;
  float yaw_;
  Random& random_;
};

void fill_shelf(Shelf& shelf, const Stocked& item, const std::vector<Stocked>& neighbours,
                float below, float clutter, Random& random) {
  const auto real = [&](double low, double high) {
    return static_cast<float>(random.uniform(low, high));
  };
  std::size_t next = 0;
  for (const float side : {-1.f, 1.f}) {
    float x = side * item.product.width / 2;
    for (int place = 0; place < 3; ++place) {
      const bool again = place == 0 && random.chance(0.35);  // the product itself once more
      const Stocked& other =
          again || neighbours.empty() ? item : neighbours[next++ % neighbours.size()];
      const float gap = real(0.02, 0.05) + (random.chance(0.15) ? 0.3f : 0);
      x += side * (gap + other.product.width / 2);
      shelf.stand(other, x, 0, real(-0.25, 0.25) * clutter);
      x += side * other.product.width / 2;
    }
  }
  for (int place = -2; place <= 2 && !neighbours.empty();
       ++place) {  // the tops of what is on the board below
    const Stocked& other =
        neighbours[(next + static_cast<std::size_t>(place + 2) / 2) % neighbours.size()];
    shelf.stand(other, static_cast<float>(place) * (other.product.width + 0.05f),
                below - other.product.height, 0);
  }
}

Lighting shop_light(float strength, Random& random) {
  const auto real = [&](double low, double high) {
    return static_cast<float>(random.uniform(low, high));
  };
  const Vec3 warm =
      mix(Vec3{1, 1, 1}, random.chance(0.6) ? Vec3{1, 0.86f, 0.66f} : Vec3{0.82f, 0.93f, 1.f},
          strength * real(0.2, 1));
  const float dim = 1 - 0.35f * strength * real(0, 1);
  return {unit({real(-0.8, 0.8), real(0.6, 1.4), real(0.5, 1)}), warm * (real(0.45, 0.8) * dim),
          warm * (0.62f * dim), warm * (0.36f * dim), real(0.1, 0.6)};
}

Lens shop_lens(float s, Random& random) {
  const auto real = [&](double low, double high) {
    return static_cast<float>(random.uniform(low, high));
  };
  Lens lens;
  lens.white_balance =
      Vec3{1 + s * real(-0.14, 0.2), 1, 1 + s * real(-0.22, 0.14)} * (1 + s * real(-0.25, 0.45));
  lens.blur = 0.35f + s * (random.chance(0.5) ? real(0, 0.5) : real(0.3, 1.6));
  if (random.chance(0.25 * s)) lens.motion = real(2, 7);
  lens.motion_angle = real(0, 3.14);
  lens.noise = 0.006f + s * real(0.005, 0.035);
  lens.vignette = s * real(0, 0.4);
  return lens;
}

}  // namespace

Photo shelf_photo(const Stocked& item, const std::vector<Stocked>& neighbours, float strength,
                  int size, Random random) {
  // Without a shift the test photos are catalogue photos; from half strength on all are taken in
  // the shop.
  if (!random.chance(std::min(1.0, 2.0 * strength))) return catalogue_photo(item, size, random);
  const auto real = [&](double low, double high) {
    return static_cast<float>(random.uniform(low, high));
  };
  const Product& p = item.product;
  const float s = strength, yaw = s * real(-0.5, 0.5);
  Scene scene;
  scene.lighting = shop_light(s, random);
  const Shop shop = random_shop(p, random);
  const Image tag = price_tag(shop.tag, random);
  scene.backdrop_top = shop.wall * shop.wall * 0.5f;
  scene.backdrop_bottom = scene.backdrop_top * 0.3f;

  Shelf shelf(scene, yaw, random);
  shelf.stand(item, 0, 0, s * real(-0.3, 0.3));
  const Mesh target = scene.meshes.front();
  const Image promotion = promotion_card(random);
  if (random.chance(0.3 * s)) shelf.add(hanging_card(promotion, p, kEdge, random));
  fill_shelf(shelf, item, neighbours, -kRail - real(0.25, 0.6), s, random);
  shelf.add(board(shop, 0, tag, random));
  shelf.add(board(shop, shop.above + kRail, tag, random));

  Camera camera;
  camera.target = {0, p.height / 2, 0};
  camera.distance = p.height * real(2.4, 4);
  camera.pitch = s * real(-0.12, 0.4);
  camera.roll = s * real(-0.14, 0.14);
  frame_camera(camera, target, 0.8f + s * real(-0.2, 0.14), 0.5f + s * real(-0.08, 0.08),
               0.5f + s * real(-0.06, 0.06));

  Canvas light = render(scene, camera, size);
  if (random.chance(0.22 * s)) draw_hand(light, random);
  if (random.chance(0.4 * s)) draw_glare(light, random);
  const int quality = static_cast<int>(92 - s * real(2, 52));
  const Lens lens = shop_lens(s, random);
  return {develop(std::move(light), lens, random), quality};
}

}  // namespace shoplens
