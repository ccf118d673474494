// The passwords of SCRAM users, from a file: the protocol never tells them, so a restore needs them
// from outside.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "os/file.h"

namespace maxbrod::engine {

// Kafka's ScramMechanism numbers.
inline constexpr int8_t kScramSha256 = 1;
inline constexpr int8_t kScramSha512 = 2;
// "SCRAM-SHA-256"; "?" for a number we do not know.
const char* ScramMechanismName(int32_t mechanism);

// Secret: never log what Find returns. Wiped when destroyed. Movable only.
class ScramPasswords {
 public:
  ScramPasswords() = default;
  ScramPasswords(ScramPasswords&&) = default;
  ScramPasswords& operator=(ScramPasswords&&) = default;
  ~ScramPasswords();

  // Lines "user:password" (all its mechanisms) or "user:SCRAM-SHA-256:password"; empty lines and
  // lines that begin with '#' are left out. A password may hold colons; one that begins with a
  // mechanism's name and a colon needs the second form. kInvalidArgument names the line, never what
  // is in it.
  static Result<ScramPasswords> Parse(std::string_view text);
  // kPermission when others than its owner may read the file.
  static Result<ScramPasswords> Read(FileSystem& files, const std::string& path);

  // nullptr where there is none. Valid as long as this.
  const std::string* Find(const std::string& user, int32_t mechanism) const;
  size_t size() const { return passwords_.size(); }

 private:
  // {user, mechanism}; mechanism 0: whatever it is.
  std::map<std::pair<std::string, int32_t>, std::string> passwords_;
};

}  // namespace maxbrod::engine
