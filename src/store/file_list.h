// Lists the files of a folder tree as object names, in bytewise order, a page at a time.
#pragma once

#include <cstddef>
#include <string>

#include "os/file.h"
#include "store/store.h"

namespace maxbrod::store {

// As Store::List. Reads only folders that can hold an answer. What cannot be an object (names with
// other characters, "tmp/", "lost+found", ".snapshot") is passed over. The cost of a page is that
// of reading its folders whole: keep them in the thousands.
Result<ListPage> ListFiles(FileSystem& files, const std::string& root, const std::string& prefix,
                           const std::string& start_after, size_t limit,
                           const CallContext& context);

}  // namespace maxbrod::store
