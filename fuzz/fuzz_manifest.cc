// Any bytes as a manifest, and any records as one whose checks are right. What decodes must encode
// to the same again.
#include <cstdlib>

#include "object_input.h"
#include "repo/manifest.h"

using namespace maxbrod;  // NOLINT

namespace {

void Check(ByteView bytes) {
  auto manifest = repo::DecodeManifest("fuzz", bytes);
  if (!manifest.ok()) return;
  std::vector<repo::BlockEntry> again;
  for (const repo::BlockEntry& e : manifest->entries) {
    if (e.pack >= manifest->packs.size()) std::abort();
    if (!repo::DecodeRun(repo::EncodeRun({&e}, repo::RunUse::kManifest), &again).ok()) std::abort();
  }
  if (again != manifest->entries) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Check({data, size});
  Check(fuzz::Wrap(repo::ObjectType::kManifest, fuzz::SplitRecords({data, size})));
  return 0;
}
