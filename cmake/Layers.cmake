# maxbrod_layer(<name> [PROTO] [PRECOMPILED header...] [DEPENDS lib...])
#
# One static library mb_<name> from src/<name>/*.cc, linked against all layers declared before it, and
# one test binary <name>_test from the *_test.cc files beside the code. PROTO compiles *.proto there.
# PRECOMPILED names headers that most of its sources include beside the usual ones.
# *_testing.cc are helpers of tests (fakes, contracts): compiled into <name>_test, and a library
# mb_<name>_testing that the tests of all later layers link as well.

option(MAXBROD_PRECOMPILE "Parse the usual headers once per kind of target" OFF)
# What most sources include. Half of a compiler's time goes into reading these. Only the release
# preset does it: in the others a source that lacks an include does not compile.
set(MAXBROD_USUAL_HEADERS <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable>
    <deque> <functional> <map> <memory> <mutex> <optional> <set> <span> <sstream> <string>
    <string_view> <thread> <unordered_map> <utility> <variant> <vector> <fmt/format.h>)
set(MAXBROD_TEST_HEADERS <gmock/gmock.h> <gtest/gtest.h>)

# Headers that targets share which are compiled with the same options and definitions: those of a
# `kind` (code, helpers, tests); what follows the target are the options that the kind adds. Once for
# each target would cost as much as 30 sources.
function(maxbrod_share_precompiled kind target)
  if(NOT MAXBROD_PRECOMPILE)
    return()
  endif()
  if(NOT TARGET precompiled_${kind})
    file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/precompiled_${kind}.cc CONTENT "")
    add_library(precompiled_${kind} OBJECT ${CMAKE_BINARY_DIR}/precompiled_${kind}.cc)
    target_link_libraries(precompiled_${kind} PRIVATE fmt::fmt)
    target_compile_options(precompiled_${kind} PRIVATE $<$<CONFIG:RelWithDebInfo>:${ARGN}>)
    target_precompile_headers(precompiled_${kind} PRIVATE ${MAXBROD_USUAL_HEADERS})
    if(NOT kind STREQUAL code)
      target_link_libraries(precompiled_${kind} PRIVATE GTest::gmock)
      target_precompile_headers(precompiled_${kind} PRIVATE ${MAXBROD_TEST_HEADERS})
    endif()
  endif()
  target_precompile_headers(${target} REUSE_FROM precompiled_${kind})
endfunction()

# Tests are compiled once and run once: what makes them faster makes the whole slower. Their helpers
# simulate whole worlds.
function(maxbrod_compiled_as_tests kind target level)
  target_compile_options(${target} PRIVATE $<$<CONFIG:RelWithDebInfo>:${level}>)
  maxbrod_share_precompiled(${kind} ${target} ${level})
endfunction()

set(MAXBROD_LAYERS "")
set(MAXBROD_TESTING_LIBRARIES "")

function(maxbrod_layer name)
  cmake_parse_arguments(ARG "PROTO" "" "DEPENDS;PRECOMPILED" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc
       ${CMAKE_SOURCE_DIR}/src/${name}/*.h)
  set(tests ${sources})
  set(helpers ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|/main|_testing)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER helpers INCLUDE REGEX "_testing\\.cc$")

  set(links "")
  foreach(upper IN LISTS MAXBROD_LAYERS)
    list(APPEND links mb_${upper})
  endforeach()
  list(REVERSE links)

  add_library(mb_${name} STATIC ${sources})
  set_target_properties(mb_${name} PROPERTIES LINKER_LANGUAGE CXX)  # a layer may be headers only
  target_include_directories(mb_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(mb_${name} PUBLIC ${links} ${ARG_DEPENDS})
  if(NOT ARG_PRECOMPILED)
    maxbrod_share_precompiled(code mb_${name})
  elseif(MAXBROD_PRECOMPILE)
    target_precompile_headers(mb_${name} PRIVATE ${MAXBROD_USUAL_HEADERS} ${ARG_PRECOMPILED})
  endif()

  if(ARG_PROTO)
    maxbrod_protos(${name})
  endif()

  # Only those that read files of the tree know where it is: the others compile to the same
  # everywhere, so that a compiler cache serves every clone.
  foreach(file IN LISTS tests helpers)
    file(STRINGS ${file} reads_tree REGEX MAXBROD_SOURCE_DIR LIMIT_COUNT 1)
    if(reads_tree)
      set_source_files_properties(${file} PROPERTIES COMPILE_DEFINITIONS
                                  MAXBROD_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    endif()
  endforeach()

  set(testing "")
  if(helpers AND NOT MAXBROD_FUZZ)
    # Objects for this layer's own tests, which may only register themselves; for the others an
    # archive, of which they get what they name.
    add_library(mb_${name}_testing_objects OBJECT ${helpers})
    target_link_libraries(mb_${name}_testing_objects
                          PUBLIC ${MAXBROD_TESTING_LIBRARIES} mb_${name} GTest::gmock)
    maxbrod_compiled_as_tests(helpers mb_${name}_testing_objects -O1)
    add_library(mb_${name}_testing STATIC $<TARGET_OBJECTS:mb_${name}_testing_objects>)
    target_link_libraries(mb_${name}_testing
                          PUBLIC ${MAXBROD_TESTING_LIBRARIES} mb_${name} GTest::gmock)
    set(testing $<TARGET_OBJECTS:mb_${name}_testing_objects>)
  endif()

  if(tests AND NOT MAXBROD_FUZZ)
    add_executable(${name}_test ${tests} ${testing})
    target_link_libraries(${name}_test PRIVATE ${MAXBROD_TESTING_LIBRARIES} mb_${name} GTest::gmock
                                               GTest::gtest_main)
    maxbrod_compiled_as_tests(tests ${name}_test -O0)
    include(GoogleTest)
    gtest_discover_tests(${name}_test TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60
                         PROPERTIES LABELS unit TIMEOUT 300 COST 10000)
  endif()
  if(testing)
    set(MAXBROD_TESTING_LIBRARIES mb_${name}_testing ${MAXBROD_TESTING_LIBRARIES} PARENT_SCOPE)
  endif()
  set(MAXBROD_LAYERS ${MAXBROD_LAYERS} ${name} PARENT_SCOPE)
endfunction()

# Generated Protobuf code is somebody else's: it is compiled without our warnings.
function(maxbrod_protos name)
  file(GLOB protos CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.proto)
  if(NOT protos)
    return()
  endif()
  set(out ${CMAKE_BINARY_DIR}/proto)
  foreach(proto IN LISTS protos)
    get_filename_component(stem ${proto} NAME_WE)
    add_custom_command(
      OUTPUT ${out}/${name}/${stem}.pb.cc ${out}/${name}/${stem}.pb.h
      COMMAND ${CMAKE_COMMAND} -E make_directory ${out}
      COMMAND protobuf::protoc --cpp_out=${out} -I${CMAKE_SOURCE_DIR}/src ${proto}
      DEPENDS ${protos})
    list(APPEND generated ${out}/${name}/${stem}.pb.cc)
    list(APPEND headers ${out}/${name}/${stem}.pb.h)
  endforeach()
  add_library(mb_${name}_proto STATIC ${generated} ${headers})
  target_include_directories(mb_${name}_proto SYSTEM PUBLIC ${out})
  target_compile_options(mb_${name}_proto PRIVATE -w)
  target_link_libraries(mb_${name}_proto PUBLIC protobuf::libprotobuf)
  target_link_libraries(mb_${name} PUBLIC mb_${name}_proto)
endfunction()

# The build fails on an include that points down the list of layers.
function(maxbrod_check_layers)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  string(REPLACE ";" "," layers "${MAXBROD_LAYERS}")
  add_custom_target(check_layers ALL
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/scripts/check_layers.py
            --layers ${layers} --src ${CMAKE_SOURCE_DIR}/src)
  add_test(NAME layers COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/scripts/check_layers.py
           --layers ${layers} --src ${CMAKE_SOURCE_DIR}/src)
  add_test(NAME layers_selftest COMMAND ${Python3_EXECUTABLE}
           ${CMAKE_SOURCE_DIR}/scripts/check_layers.py --selftest)
  set_tests_properties(layers layers_selftest PROPERTIES LABELS unit)
endfunction()
