#include "cli/seen_heads.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "repo/receipt.h"

namespace maxbrod::cli {
namespace {

namespace fs = std::filesystem;

fs::path FileOf(repo::Repository& repository) {
  fs::path folder = StateFolder();
  if (folder.empty()) return folder;
  return folder / ToHex(AsBytes(repository.config().repository_id()));
}

struct Seen {
  repo::Receipt head;
  bool encrypted = false;
};

// Nothing where there is no file, or none that makes sense: it is a help, not a lock.
bool Load(const fs::path& file, Seen* seen) {
  std::ifstream in(file);
  auto json = nlohmann::json::parse(in, nullptr, false);
  if (!json.is_object() || !json.contains("head") || !json["head"].is_string()) return false;
  auto head = repo::ParseReceipt(json["head"].get<std::string>());
  if (!head.ok()) return false;
  seen->head = *head;
  seen->encrypted = json.value("encrypted", false);
  return true;
}

}  // namespace

fs::path StateFolder() {
  if (const char* folder = std::getenv("MAXBROD_STATE_DIR")) return folder;
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return fs::path(state) / "maxbrod";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return fs::path(home) / ".local" / "state" / "maxbrod";
  return {};
}

Status CheckSeenHead(repo::Repository& repository, const CallContext& context) {
  fs::path file = FileOf(repository);
  Seen seen;
  if (file.empty() || !Load(file, &seen)) return Status::Ok();
  if (seen.encrypted && repository.keys() == nullptr) {
    return Status(Code::kConflict,
                  "this repository was encrypted when this host used it last, and is not now")
        .WithHint("it was replaced; if that was done on purpose, remove " + file.string());
  }
  Status status = repo::CheckReceipt(repository, seen.head, context);
  if (status.code() != Code::kConflict) return status;
  return std::move(status)
      .WithContext("this host has seen newer commits of this repository")
      .WithHint(
          "newer commits were removed, or an older copy was put in the repository's place; if "
          "that was done on purpose, remove " +
          file.string());
}

void RememberHead(repo::Repository& repository) {
  fs::path file = FileOf(repository);
  repo::Receipt head = repository.head();
  if (file.empty()) return;
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) return;
  fs::path next = file;
  next += "." + std::to_string(getpid());
  std::ofstream out(next);
  out << nlohmann::json{{"head", head.ToString()}, {"encrypted", repository.keys() != nullptr}}
             .dump()
      << "\n";
  out.close();
  if (out.good()) fs::rename(next, file, error);
  if (!out.good() || error) fs::remove(next, error);
}

}  // namespace maxbrod::cli
