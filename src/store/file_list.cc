#include "store/file_list.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "store/object_name.h"

namespace maxbrod::store {
namespace {

class Walk {
 public:
  Walk(FileSystem& files, const std::string& root, const std::string& prefix,
       const std::string& start_after, size_t limit, const CallContext& context)
      : files_(files),
        root_(root),
        prefix_(prefix),
        start_after_(start_after),
        limit_(limit),
        context_(context) {}

  // `folder` is "" or ends with '/'. The depth is bounded by the length of names.
  Status Folder(const std::string& folder) {
    MB_RETURN_IF_ERROR(context_.Check());
    Result<std::vector<DirectoryEntry>> entries = files_.List(root_ + "/" + folder);
    if (!entries.ok()) {
      // Removed meanwhile, or never there; the root itself was there when the store was opened.
      if (entries.status().code() == Code::kNotFound && !folder.empty()) return Status::Ok();
      return entries.status();
    }
    // In the order of object names a folder sorts as "name/", which is behind "name-x" and
    // "name.x".
    std::vector<std::string> names;
    for (DirectoryEntry& entry : *entries) {
      if (!IsObjectName(folder + entry.name)) continue;
      names.push_back(std::move(entry.name));
      if (entry.is_directory) names.back() += '/';
    }
    std::ranges::sort(names);
    for (const std::string& name : names) {
      std::string full = folder + name;
      if (full.back() == '/') {
        if (MayHoldMore(full)) MB_RETURN_IF_ERROR(Folder(full));
      } else if (full.starts_with(prefix_) && full > start_after_) {
        MB_RETURN_IF_ERROR(File(std::move(full)));
      }
      if (page_.truncated) break;
    }
    return Status::Ok();
  }

  ListPage TakePage() { return std::move(page_); }

 private:
  bool MayHoldMore(const std::string& folder) const {
    bool in_prefix = folder.starts_with(prefix_) || prefix_.starts_with(folder);
    bool in_range = folder > start_after_ || start_after_.starts_with(folder);
    return in_prefix && in_range;
  }

  Status File(std::string name) {
    if (page_.objects.size() == limit_) {
      page_.truncated = true;
      return Status::Ok();
    }
    Result<FileStat> stat = files_.Stat(root_ + "/" + name);
    if (stat.ok()) {
      page_.objects.push_back(ObjectInfo{std::move(name), stat->size, stat->modified_ms});
      return Status::Ok();
    }
    if (stat.status().code() == Code::kNotFound) return Status::Ok();  // removed meanwhile
    return stat.status();
  }

  FileSystem& files_;
  const std::string& root_;
  const std::string& prefix_;
  const std::string& start_after_;
  const size_t limit_;
  const CallContext& context_;
  ListPage page_;
};

}  // namespace

Result<ListPage> ListFiles(FileSystem& files, const std::string& root, const std::string& prefix,
                           const std::string& start_after, size_t limit,
                           const CallContext& context) {
  // Begin at the deepest folder the prefix names; one that is no valid name ("../x") holds no
  // objects.
  std::string folder;
  if (size_t slash = prefix.rfind('/'); slash != std::string::npos) {
    if (!IsObjectName(std::string_view(prefix).substr(0, slash))) return ListPage{};
    folder = prefix.substr(0, slash + 1);
  }
  Walk walk(files, root, prefix, start_after, limit, context);
  MB_RETURN_IF_ERROR(walk.Folder(folder));
  return walk.TakePage();
}

}  // namespace maxbrod::store
