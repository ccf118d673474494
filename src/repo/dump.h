// Any object of a repository as readable text, for the dump verb and for golden tests.
#pragma once

#include <ostream>
#include <string>

#include "store/store.h"

namespace maxbrod::repo {

struct DumpOptions {
  bool json = false;           // one JSON object per line
  bool batch_headers = false;  // packs: also the header of each batch (reads the whole pack)
};

// Prints the object `name`: its header, then each record; block runs as one line per block. Keys
// and values of Kafka records are never printed. Everything printed was verified first; an object
// that does not hold is the error kCorrupt, and nothing but its header is printed.
Status DumpObject(store::Store& store, const std::string& name, std::ostream& out,
                  const DumpOptions& options, const CallContext& context);

}  // namespace maxbrod::repo
