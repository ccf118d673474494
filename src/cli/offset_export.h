// Offset maps as text for other programs.
#pragma once

#include <string>

#include "os/deadline.h"
#include "repo/format.pb.h"
#include "store/store.h"

namespace maxbrod::cli {

struct OffsetExport {
  bool json = false;       // one object per line; else CSV with a heading
  std::string topic;       // by its source's name; empty: all
  int32_t partition = -1;  // -1: all
  std::string output;      // a new file, which appears when it is complete; empty: standard output
  bool quiet = false;      // no note on standard error
};

// One line per range (source_topic, source_partition, source_first, target_topic, target_first,
// count), ascending, and after a partition's last one a line with count 0: the end. Topics that
// kept their offsets have no lines; a note on standard error counts them. kAlreadyExists: the file;
// kNotFound: no such topic; kUnavailable: a map is not stored yet.
Status ExportOffsets(store::Store& store, const format::RestoreRecord& restore,
                     const OffsetExport& what, const CallContext& context);

}  // namespace maxbrod::cli
