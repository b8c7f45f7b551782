# SPDX-License-Identifier: Apache-2.0
# Every library the project does not write itself. apt and pip put them there (see scripts/setup).
find_package(Threads REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(WEBP REQUIRED IMPORTED_TARGET libwebp libwebpdemux)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
find_package(SQLite3 REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto SSL)
find_package(Boost 1.74 REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
find_path(PROTOZERO_INCLUDE_DIR protozero/pbf_writer.hpp REQUIRED)
if(SHOPLENS_DEVELOPER)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
endif()

file(GLOB SHOPLENS_SITE_PACKAGES LIST_DIRECTORIES true "${SHOPLENS_VENV}/lib/python3*/site-packages")
find_package(OpenVINO REQUIRED COMPONENTS Runtime PATHS "${SHOPLENS_SITE_PACKAGES}/openvino/cmake" NO_DEFAULT_PATH)

if(SHOPLENS_TRAIN)
  # Only LibTorch's headers and the libraries named here: its own CMake file would also bring its
  # compile flags, and its bundled protobuf and fmt must not meet Debian's (DESIGN.md, Traps).
  set(SHOPLENS_TORCH_DIR "${SHOPLENS_SITE_PACKAGES}/torch" CACHE PATH "LibTorch: the folder with include/ and lib/")
  if(NOT EXISTS "${SHOPLENS_TORCH_DIR}/lib/libtorch_cpu.so")
    message(FATAL_ERROR "No LibTorch in ${SHOPLENS_TORCH_DIR}; run scripts/setup, or configure with -DSHOPLENS_TRAIN=OFF")
  endif()
  add_library(shoplens_torch_headers INTERFACE)
  target_include_directories(shoplens_torch_headers SYSTEM INTERFACE
    "${SHOPLENS_TORCH_DIR}/include" "${SHOPLENS_TORCH_DIR}/include/torch/csrc/api/include")
  # at::parallel_for is a template over OpenMP: without the flag it runs on one thread. The runtime is Torch's own copy,
  # so that there is one pool of threads.
  file(GLOB SHOPLENS_TORCH_GOMP "${SHOPLENS_TORCH_DIR}/lib/libgomp*.so*" "${SHOPLENS_SITE_PACKAGES}/torch.libs/libgomp*.so*")
  target_compile_options(shoplens_torch_headers INTERFACE -fopenmp)
  target_link_libraries(shoplens_torch_headers INTERFACE
    "${SHOPLENS_TORCH_DIR}/lib/libtorch_cpu.so" "${SHOPLENS_TORCH_DIR}/lib/libc10.so" ${SHOPLENS_TORCH_GOMP})
  if(EXISTS "${SHOPLENS_TORCH_DIR}/lib/libtorch_cuda.so")
    # libtorch_cuda registers its kernels when loaded; nothing refers to it by name, so the linker must be told
    # to keep it. What it needs itself (cuDNN, ...) it finds by its own run path.
    target_link_libraries(shoplens_torch_headers INTERFACE -Wl,--no-as-needed
      "${SHOPLENS_TORCH_DIR}/lib/libtorch_cuda.so" -Wl,--as-needed -Wl,--allow-shlib-undefined)
    # CUDA graphs are Torch's own C++, which wants the headers of the CUDA runtime (of nvidia-cuda-runtime and nvidia-cuda-crt from pip, or a toolkit).
    file(GLOB cuda_places "${SHOPLENS_TORCH_DIR}/../nvidia/*/include")
    find_path(SHOPLENS_CUDA_INCLUDE cuda_runtime_api.h HINTS ${cuda_places} /usr/local/cuda/include)
    file(GLOB cuda_runtime "${SHOPLENS_TORCH_DIR}/../nvidia/*/lib/libcudart.so*" "/usr/local/cuda/lib64/libcudart.so")
    if(SHOPLENS_CUDA_INCLUDE AND cuda_runtime)
      list(GET cuda_runtime 0 cuda_runtime)
      target_include_directories(shoplens_torch_headers SYSTEM INTERFACE "${SHOPLENS_CUDA_INCLUDE}")
      target_link_libraries(shoplens_torch_headers INTERFACE "${SHOPLENS_TORCH_DIR}/lib/libc10_cuda.so" "${cuda_runtime}")
      target_compile_definitions(shoplens_torch_headers INTERFACE SHOPLENS_CUDA)
    else()
      message(STATUS "No CUDA runtime (nvidia-cuda-runtime and nvidia-cuda-crt from pip): training on CUDA is built without graphs (--cuda-graphs off)")
    endif()
  endif()
endif()
