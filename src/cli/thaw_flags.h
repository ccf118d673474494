// --thaw, --thaw-days and --wait: what verbs that read packs do about cold storage; and how they
// show it.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/thaw.h"

namespace maxbrod::cli {

struct ThawFlags {
  std::string tier;
  int days = 0;
  bool wait = false;
  void Add(CLI::App* verb);
  Result<engine::ThawOptions> Options() const;
};

// What a plan says of cold storage; null when nothing that is read lies in an archive.
// `reading_seconds`: what reading will take.
nlohmann::json ThawJson(const engine::ThawNeed& need, const engine::ThawOptions& options,
                        double reading_seconds);
// The same for people; nothing when there is nothing to tell.
void PrintThaw(const engine::ThawNeed& need, const engine::ThawOptions& options,
               double reading_seconds);

}  // namespace maxbrod::cli
