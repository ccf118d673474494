#include "cli/offset_export.h"

#include <fmt/format.h>

#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/offset_query.h"
#include "os/file.h"
#include "repo/offset_maps.h"

namespace maxbrod::cli {
namespace {

constexpr size_t kBufferBytes = 256 * kKiB;

// Text to standard output, or to a file that gets its name when it is whole: a cut-off map would
// send a reader to wrong offsets.
class TextOutput {
 public:
  Status Open(const std::string& path) {
    path_ = path;
    if (path.empty()) return Status::Ok();
    FileSystem& files = FileSystem::Posix();
    auto there = files.Stat(path);
    if (there.ok()) {
      return Status(Code::kAlreadyExists, "'" + path + "' exists")
          .WithHint("remove it, or choose another --output");
    }
    if (there.status().code() != Code::kNotFound) return there.status();
    Status old = files.Unlink(Part());
    if (!old.ok() && old.code() != Code::kNotFound) return old;
    MB_ASSIGN_OR_RETURN(file_, files.Create(Part()));
    return Status::Ok();
  }
  ~TextOutput() {
    if (file_ == nullptr) return;
    file_.reset();
    (void)FileSystem::Posix().Unlink(Part());
  }

  Status Line(std::string_view line) {
    buffer_ += line;
    buffer_ += '\n';
    return buffer_.size() >= kBufferBytes ? Flush() : Status::Ok();
  }

  Status Finish() {
    MB_RETURN_IF_ERROR(Flush());
    if (file_ == nullptr) return Status::Ok();
    MB_RETURN_IF_ERROR(file_->Sync());
    MB_RETURN_IF_ERROR(file_->Close());
    MB_RETURN_IF_ERROR(FileSystem::Posix().Rename(Part(), path_));
    file_.reset();
    return Status::Ok();
  }

 private:
  std::string Part() const { return path_ + ".part"; }
  Status Flush() {
    Status status;
    if (file_ != nullptr) {
      status = file_->WriteAll(AsBytes(buffer_));
    } else if (!(std::cout << buffer_).flush()) {
      status = Status(Code::kIo, "cannot write to standard output");
    }
    buffer_.clear();
    return status;
  }

  std::string path_;
  std::unique_ptr<File> file_;
  std::string buffer_;
};

// RFC 4180; Kafka's own names never need it.
std::string CsvCell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

class MapLines {
 public:
  MapLines(const repo::PartitionOffsetMap& map, bool json)
      : map_(map),
        json_(json),
        source_(json ? nlohmann::json(map.source_topic).dump() : CsvCell(map.source_topic)),
        target_(json ? nlohmann::json(map.target_topic).dump() : CsvCell(map.target_topic)) {}

  Status Write(TextOutput& out) const {
    for (const repo::OffsetRange& range : map_.map.ranges()) {
      MB_RETURN_IF_ERROR(out.Line(Line(range)));
    }
    return out.Line(Line(repo::OffsetRange{map_.map.source_end(), map_.map.end(), 0}));
  }

 private:
  std::string Line(const repo::OffsetRange& r) const {
    if (json_) {
      return fmt::format(
          R"({{"source_topic":{},"source_partition":{},"source_first":{},"target_topic":{},)"
          R"("target_first":{},"count":{}}})",
          source_, map_.partition, r.source_first, target_, r.target_first, r.count);
    }
    return fmt::format("{},{},{},{},{},{}", source_, map_.partition, r.source_first, target_,
                       r.target_first, r.count);
  }

  const repo::PartitionOffsetMap& map_;
  const bool json_;
  const std::string source_, target_;
};

// Which partitions must have a map.
Result<std::set<std::pair<std::string, int32_t>>> WantedMaps(const format::RestoreRecord& restore,
                                                             const OffsetExport& what,
                                                             size_t* same_offsets) {
  std::set<std::pair<std::string, int32_t>> wanted;
  if (!what.topic.empty()) {
    MB_ASSIGN_OR_RETURN(auto topic, engine::FindRestoredTopic(restore, what.topic));
    if (what.partition >= topic.partitions()) {
      return Status(Code::kNotFound, "topic '" + what.topic + "' has " +
                                         std::to_string(topic.partitions()) + " partitions");
    }
  }
  for (const auto& topic : restore.topics()) {
    if (!what.topic.empty() && topic.source() != what.topic) continue;
    if (!topic.dense()) {
      ++*same_offsets;
      continue;
    }
    for (int32_t p = 0; p < topic.partitions(); ++p) {
      if (what.partition < 0 || p == what.partition) wanted.insert({topic.source(), p});
    }
  }
  return wanted;
}

}  // namespace

Status ExportOffsets(store::Store& store, const format::RestoreRecord& restore,
                     const OffsetExport& what, const CallContext& context) {
  size_t same_offsets = 0;
  MB_ASSIGN_OR_RETURN(auto missing, WantedMaps(restore, what, &same_offsets));
  TextOutput out;
  MB_RETURN_IF_ERROR(out.Open(what.output));
  if (!what.json) {
    MB_RETURN_IF_ERROR(
        out.Line("source_topic,source_partition,source_first,target_topic,target_first,count"));
  }
  auto write = [&](const repo::PartitionOffsetMap& map) {
    if (missing.erase({map.source_topic, map.partition}) == 0) return Status::Ok();
    return MapLines(map, what.json).Write(out);
  };
  MB_RETURN_IF_ERROR(repo::ForEachOffsetMap(store, restore, write, context));
  if (!missing.empty()) {
    return Status(Code::kUnavailable, "the map of " + missing.begin()->first + "-" +
                                          std::to_string(missing.begin()->second) +
                                          " is not stored")
        .WithHint("the restore was interrupted: run it again to its end");
  }
  MB_RETURN_IF_ERROR(out.Finish());
  if (same_offsets > 0 && !what.quiet) {
    std::cerr << "note: " << same_offsets << (same_offsets == 1 ? " topic has" : " topics have")
              << " the same offsets on the target, and no lines here\n";
  }
  return Status::Ok();
}

}  // namespace maxbrod::cli
