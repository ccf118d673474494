// What the credentials chain looks at besides HTTP: variables, files, programs. A seam, so that
// tests own it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "os/deadline.h"

namespace maxbrod::aws {

// Implementations may be used by many threads at once.
class Environment {
 public:
  virtual ~Environment() = default;
  // An environment variable; an empty one counts as not set, as in AWS's SDKs.
  virtual std::optional<std::string> Variable(const std::string& name) = 0;
  // A small text file (at most kFileBytesMax). kNotFound, kPermission, kInvalidArgument (too
  // large), kIo; messages name the path, never the content.
  virtual Result<std::string> ReadFile(const std::string& path) = 0;
  // Runs a shell's command line and returns what it wrote to its standard output. kTimeout,
  // kCancelled, kInvalidArgument when it fails; messages carry neither output nor command line.
  virtual Result<std::string> Run(const std::string& command_line, const CallContext& context) = 0;

  static constexpr size_t kFileBytesMax = size_t{1} << 20;
  static constexpr size_t kOutputBytesMax = size_t{64} << 10;

  // The process's own. Lives for the whole process.
  static Environment& System();
};

// What a test says it is; no programs.
class FakeEnvironment : public Environment {
 public:
  std::optional<std::string> Variable(const std::string& name) override;
  Result<std::string> ReadFile(const std::string& path) override;
  Result<std::string> Run(const std::string& command_line, const CallContext& context) override;

  std::map<std::string, std::string> variables, files;
  std::map<std::string, std::string> programs;  // command line -> output
};

}  // namespace maxbrod::aws
