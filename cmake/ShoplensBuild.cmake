# SPDX-License-Identifier: Apache-2.0
# How every target of the project is built: language, warnings, sanitizers, linker, compiler cache.
include(GNUInstallDirs)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(SHOPLENS_CCACHE ccache)
if(SHOPLENS_CCACHE)
  # A precompiled header is part of what a file depends on; these let ccache work with one.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      "${SHOPLENS_CCACHE}")
endif()
find_program(SHOPLENS_MOLD mold)
if(SHOPLENS_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

if(SHOPLENS_SANITIZE)
  add_compile_options(-fsanitize=${SHOPLENS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    $<$<CXX_COMPILER_ID:Clang>:-fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/tests/sanitizers.ignore>)
  add_link_options(-fsanitize=${SHOPLENS_SANITIZE})
  if(SHOPLENS_SANITIZE MATCHES "address|thread")
    add_library(shoplens_dlopen OBJECT "${PROJECT_SOURCE_DIR}/tests/dlopen_under_sanitizers.cpp")
    link_libraries("$<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:$<TARGET_OBJECTS:shoplens_dlopen>>")
  endif()
endif()

set(SHOPLENS_WARNINGS -Wall -Wextra -Wnon-virtual-dtor -Woverloaded-virtual $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)  # GCC 12 warns falsely of std::string (PR 105329)
if(SHOPLENS_DEVELOPER)
  list(APPEND SHOPLENS_WARNINGS -Werror)
  enable_testing()
  include(GoogleTest)
endif()

# shoplens_library(image SOURCES resize.cpp ... [TESTS resize_test.cpp ...] [DEPENDS core ...] [LINK JPEG::JPEG ...])
# Makes the static library shoplens_image and, for developers, the test program image_test.
function(shoplens_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;TESTS;DEPENDS;LINK" ${ARGN})
  add_library(shoplens_${name} STATIC ${ARG_SOURCES})
  target_include_directories(shoplens_${name} PUBLIC "${PROJECT_SOURCE_DIR}/src")
  target_compile_options(shoplens_${name} PRIVATE ${SHOPLENS_WARNINGS})
  list(TRANSFORM ARG_DEPENDS PREPEND shoplens_)
  target_link_libraries(shoplens_${name} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_LINK})
  if(ARG_TESTS)
    shoplens_test(${name}_test SOURCES ${ARG_TESTS} LINK shoplens_${name})
  endif()
endfunction()

# shoplens_test(image_test SOURCES ... [LINK ...]): a GoogleTest program, each test known to ctest.
# Tests find golden files through SHOPLENS_SOURCE_DIR and the optional real data through SHOPLENS_SHARED_DIR.
function(shoplens_test name)
  if(NOT SHOPLENS_DEVELOPER)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${SHOPLENS_WARNINGS})
  target_compile_definitions(${name} PRIVATE
    SHOPLENS_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    SHOPLENS_BINARY_DIR="${PROJECT_BINARY_DIR}"
    SHOPLENS_SHARED_DIR="${PROJECT_SOURCE_DIR}/../shared")
  target_link_libraries(${name} PRIVATE ${ARG_LINK} shoplens_test_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  # Tests run side by side: OpenMP's threads should sleep, not spin, while another test has their core.
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 600 ENVIRONMENT OMP_WAIT_POLICY=passive)
endfunction()

# Torch's headers take most of a compile: one precompiled header, made in nn, serves every target that includes them.
# shoplens_torch(models): the library shoplens_models and its test; a program is given by its own name.
function(shoplens_torch name)
  foreach(target shoplens_${name} ${name}_test ${name})
    if(TARGET ${target})
      target_link_libraries(${target} PUBLIC shoplens_torch_headers)
      target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)  # ccache needs it
      if(NOT target STREQUAL "shoplens_nn")
        # A program would be compiled with -fPIE, which a header precompiled with -fPIC does not fit.
        set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
        target_compile_options(${target} PRIVATE -fPIC)
        target_precompile_headers(${target} REUSE_FROM shoplens_nn)
      endif()
    endif()
  endforeach()
endfunction()
