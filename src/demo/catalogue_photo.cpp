// SPDX-License-Identifier: Apache-2.0
#include "demo/lens.h"
#include "demo/package.h"
#include "demo/photo.h"
#include "demo/render.h"

namespace shoplens {

Photo catalogue_photo(const Stocked& item, int size, Random random) {
  const auto real = [&](double low, double high) {
    return static_cast<float>(random.uniform(low, high));
  };
  const Product& p = item.product;
  const Mesh mesh = placed(make_package(p, item.artwork), real(-0.4, 0.4), {});

  Scene scene;
  const float side = random.chance(0.5) ? 1.f : -1.f;
  scene.lighting = {unit({side * real(0.3, 0.7), real(0.5, 0.9), 1}),
                    Vec3{1, 0.98f, 0.95f} * real(0.5, 0.65), Vec3{0.62f, 0.64f, 0.66f},
                    Vec3{0.42f, 0.41f, 0.4f}, real(0.25, 0.5)};
  const float grey = real(0.92, 1.15);
  const Vec3 tint = mix({1, 1, 1}, hsv(real(0, 1), 0.25f, 1), real(0, 0.25));
  scene.backdrop_top = tint * grey;
  scene.backdrop_bottom = tint * (grey * 0.93f);
  scene.floor = true;
  scene.footprints = {{0, 0, p.width * 0.46f, p.depth * 0.46f}};
  scene.meshes = {mesh};

  Camera camera;
  camera.target = {0, p.height / 2, 0};
  camera.distance = 4.2f * p.height;
  camera.pitch = real(0.06, 0.3);
  camera.roll = real(-0.03, 0.03);
  frame_camera(camera, mesh, real(0.72, 0.88), real(0.47, 0.53), real(0.46, 0.52));

  Lens lens;
  lens.white_balance = Vec3{1, 1, 1} * real(0.94, 1.06);
  lens.blur = 0.35f;
  lens.noise = 0.006f;
  return {develop(render(scene, camera, size), lens, random), random.integer(88, 95)};
}

}  // namespace shoplens
