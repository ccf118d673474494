#include "engine/scram_passwords.h"

#include <sys/stat.h>

#include <cerrno>

#include "codec/hash.h"

namespace maxbrod::engine {
namespace {

constexpr size_t kFileBytesMax = 16 * 1024 * 1024;

struct Mechanism {
  int8_t number;
  const char* name;
};
constexpr Mechanism kMechanisms[] = {{kScramSha256, "SCRAM-SHA-256"},
                                     {kScramSha512, "SCRAM-SHA-512"}};

Status BadLine(size_t number, const char* what) {
  return Status(Code::kInvalidArgument,
                "passwords file, line " + std::to_string(number) + ": " + what)
      .WithHint("lines are user:password or user:SCRAM-SHA-256:password");
}

// {mechanism, password} of what stands behind "user:".
std::pair<int32_t, std::string_view> SplitMechanism(std::string_view rest) {
  for (const Mechanism& mechanism : kMechanisms) {
    std::string_view name = mechanism.name;
    if (rest.size() > name.size() && rest.starts_with(name) && rest[name.size()] == ':')
      return {mechanism.number, rest.substr(name.size() + 1)};
  }
  return {0, rest};
}

}  // namespace

const char* ScramMechanismName(int32_t mechanism) {
  for (const Mechanism& known : kMechanisms) {
    if (known.number == mechanism) return known.name;
  }
  return "?";
}

ScramPasswords::~ScramPasswords() {
  for (auto& [key, password] : passwords_) {
    WipeSecret({reinterpret_cast<uint8_t*>(password.data()), password.size()});
  }
}

Result<ScramPasswords> ScramPasswords::Parse(std::string_view text) {
  ScramPasswords out;
  for (size_t number = 1; !text.empty(); ++number) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    size_t colon = line.find(':');
    if (colon == line.npos || colon == 0) return BadLine(number, "there is no user and colon");
    auto [mechanism, password] = SplitMechanism(line.substr(colon + 1));
    if (password.empty()) return BadLine(number, "the password is empty");
    bool fresh =
        out.passwords_.try_emplace({std::string(line.substr(0, colon)), mechanism}, password)
            .second;
    if (!fresh) return BadLine(number, "the user stands there twice");
  }
  return out;
}

Result<ScramPasswords> ScramPasswords::Read(FileSystem& files, const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, "stat", path);
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Status(Code::kPermission, "others than its owner may read or write " + path)
        .WithHint("chmod 600 " + path);
  }
  MB_ASSIGN_OR_RETURN(Bytes bytes, ReadFile(files, path, kFileBytesMax));
  auto parsed = Parse(AsText(bytes));
  WipeSecret(bytes);
  return parsed;
}

const std::string* ScramPasswords::Find(const std::string& user, int32_t mechanism) const {
  for (int32_t wanted : {mechanism, 0}) {
    auto found = passwords_.find({user, wanted});
    if (found != passwords_.end()) return &found->second;
  }
  return nullptr;
}

}  // namespace maxbrod::engine
