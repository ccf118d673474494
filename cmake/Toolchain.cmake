# Warnings, sanitizers, linker and compiler cache: what every target is built with.

option(MAXBROD_FUZZ "Build the libFuzzer targets (clang only)" OFF)
set(MAXBROD_SANITIZE "" CACHE STRING "Value for -fsanitize=, e.g. address,undefined")

add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of g++ 12 inside std::string and std::optional at -O2 (GCC PR 105329, 105651).
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow
                      -Wno-array-bounds -Wno-stringop-overread)
else()
  # clang takes libstdc++ 12 at its word: std::stable_sort uses std::get_temporary_buffer. What g++
  # says of deprecated things stands.
  add_compile_options(-Wno-deprecated-declarations)
endif()
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
add_compile_options(-fno-omit-frame-pointer)
if(MAXBROD_PRECOMPILE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)  # for ccache
endif()

if(MAXBROD_SANITIZE)
  add_compile_options(-fsanitize=${MAXBROD_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MAXBROD_SANITIZE})
endif()

if(MAXBROD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # libFuzzer finds its way by the layers' coverage
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Without the first it gives up on whatever uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()
