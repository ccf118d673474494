#include "repo/offset_maps.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "repo/commit_codec.h"
#include "repo/content_object.h"
#include "repo/object.h"
#include "repo/vault.h"

namespace maxbrod::repo {
namespace {

const std::string kFolder = "offset-map";
// A record is closed once it holds so much; the largest run that may still come fits a frame.
constexpr size_t kRecordBytesAim = kFramePlainBytesMax / 4;
constexpr uint64_t kOffsetMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());

Status Corrupt(std::string message) {
  return Status(Code::kCorrupt, std::move(message));
}

bool SamePartition(const PartitionOffsetMap& a, const PartitionOffsetMap& b) {
  return a.partition == b.partition && a.source_topic == b.source_topic &&
         a.target_topic == b.target_topic;
}

// ---- Writing

format::OffsetMapRun EncodeRun(const PartitionOffsetMap& from, size_t begin, size_t end) {
  const OffsetMap& map = from.map;
  const std::vector<OffsetRange>& ranges = map.ranges();
  format::OffsetMapRun run;
  run.set_source_topic(from.source_topic);
  run.set_target_topic(from.target_topic);
  run.set_partition(from.partition);
  run.set_source_start(map.source_start());
  run.set_source_end(map.source_end());
  run.set_target_start(map.target_start());
  int64_t source = begin == 0 ? map.source_start() : ranges[begin - 1].source_end();
  int64_t target = begin == 0 ? map.target_start() : ranges[begin - 1].target_end();
  run.set_source_skip(static_cast<uint64_t>(source - map.source_start()));
  run.set_target_skip(static_cast<uint64_t>(target - map.target_start()));
  bool target_gaps = false;
  for (size_t i = begin; i < end; ++i) {
    const OffsetRange& range = ranges[i];
    run.add_count(static_cast<uint64_t>(range.count));
    run.add_source_gap(static_cast<uint64_t>(range.source_first - source));
    run.add_target_gap(static_cast<uint64_t>(range.target_first - target));
    target_gaps = target_gaps || range.target_first != target;
    source = range.source_end();
    target = range.target_end();
  }
  if (!target_gaps) run.clear_target_gap();
  return run;
}

// Collects runs into records, and records up to an object's size.
class ObjectWriter {
 public:
  ObjectWriter(store::Store& store, const CallContext& context, const OffsetMapLimits& limits)
      : store_(store), context_(context), limits_(limits) {}

  Status Add(const PartitionOffsetMap& map, size_t begin, size_t end) {
    uint64_t ranges = end - begin;
    if (header_.runs() > 0 &&
        (bytes_ >= limits_.stored_bytes || header_.ranges() + ranges > limits_.ranges ||
         header_.runs() >= limits_.runs)) {
      MB_RETURN_IF_ERROR(Close());
    }
    format::OffsetMapRun run = EncodeRun(map, begin, end);
    record_bytes_ += run.ByteSizeLong();
    *record_.mutable_runs()->add_runs() = std::move(run);
    Expect(map, begin, end);
    header_.set_runs(header_.runs() + 1);
    header_.set_ranges(header_.ranges() + ranges);
    return record_bytes_ >= kRecordBytesAim ? FlushRecord() : Status::Ok();
  }

  // Stores what was collected since the last object.
  Status Close() {
    if (header_.runs() == 0) return Status::Ok();
    MB_RETURN_IF_ERROR(FlushRecord());
    ObjectBuilder builder(ObjectType::kOffsetMap, KeysOf(store_), kFolder);
    format::OffsetMapRecord head;
    *head.mutable_header() = header_;
    MB_RETURN_IF_ERROR(builder.Add(head));
    for (FramePayload& record : records_) builder.Add(std::move(record));
    Bytes bytes = builder.Finish();
    auto again = DecodeOffsetMaps("new offset map", bytes, KeysOf(store_));
    if (!again.ok() || *again != expected_) {
      return Status(Code::kInternal, "an offset map does not read back as it was written" +
                                         (again.ok() ? "" : ": " + again.status().message()))
          .WithHint("nothing was stored; suspect this machine's memory or a bug");
    }
    MB_ASSIGN_OR_RETURN(format::ObjectRef ref, PutContentObject(store_, kFolder, bytes, context_));
    refs_.push_back(std::move(ref));
    header_.Clear();
    records_.clear();
    expected_.clear();
    bytes_ = 0;
    return Status::Ok();
  }

  std::vector<format::ObjectRef> TakeRefs() { return std::move(refs_); }

 private:
  Status FlushRecord() {
    if (record_bytes_ == 0) return Status::Ok();
    MB_ASSIGN_OR_RETURN(FramePayload payload, ObjectBuilder::Encode(record_));
    bytes_ += payload.stored.size() + kFrameHeaderBytes + kSealedTrailerBytes;
    records_.push_back(std::move(payload));
    record_.Clear();
    record_bytes_ = 0;
    return Status::Ok();
  }

  // What the object must give when it is decoded.
  void Expect(const PartitionOffsetMap& from, size_t begin, size_t end) {
    if (expected_.empty() || !SamePartition(expected_.back(), from)) {
      expected_.push_back(PartitionOffsetMap{
          from.source_topic, from.target_topic, from.partition,
          OffsetMap(from.map.source_start(), from.map.source_end(), from.map.target_start())});
    }
    for (size_t i = begin; i < end; ++i) {
      const OffsetRange& r = from.map.ranges()[i];
      MB_CHECK(expected_.back().map.Add(r.source_first, r.target_first, r.count).ok());
    }
  }

  store::Store& store_;
  const CallContext& context_;
  const OffsetMapLimits& limits_;
  format::OffsetMapHeader header_;
  format::OffsetMapRecord record_;
  size_t record_bytes_ = 0;
  std::vector<FramePayload> records_;
  std::vector<PartitionOffsetMap> expected_;
  uint64_t bytes_ = 0;
  std::vector<format::ObjectRef> refs_;
};

// ---- Reading

// Puts runs together to maps; across objects too.
class MapAssembler {
 public:
  explicit MapAssembler(const OffsetMapCallback& out) : out_(out) {}

  Status Add(const format::OffsetMapRun& run) {
    MB_RETURN_IF_ERROR(CheckShape(run));
    PartitionOffsetMap next{run.source_topic(), run.target_topic(), run.partition(),
                            OffsetMap(run.source_start(), run.source_end(), run.target_start())};
    if (!has_current_ || !SamePartition(current_, next)) {
      MB_RETURN_IF_ERROR(Finish());
      current_ = std::move(next);
      has_current_ = true;
    } else if (current_.map.source_start() != run.source_start() ||
               current_.map.source_end() != run.source_end() ||
               current_.map.target_start() != run.target_start()) {
      return Corrupt("a map whose parts differ in what they cover");
    }
    return AddRanges(run);
  }

  Status Finish() {
    if (!has_current_) return Status::Ok();
    has_current_ = false;
    current_.map.ShrinkToFit();
    return out_(std::move(current_));
  }

 private:
  static Status CheckShape(const format::OffsetMapRun& run) {
    int n = run.count_size();
    if (run.source_topic().empty() || run.target_topic().empty() || run.partition() < 0) {
      return Corrupt("a map of no partition");
    }
    if (run.source_start() < 0 || run.source_end() < run.source_start() || run.target_start() < 0) {
      return Corrupt("a map of impossible offsets");
    }
    if (n > static_cast<int>(OffsetMapLimits{}.run_ranges) || run.source_gap_size() != n ||
        (run.target_gap_size() != 0 && run.target_gap_size() != n)) {
      return Corrupt("columns of a map differ in length");
    }
    return Status::Ok();
  }

  // Moves *offset by `by`, unless that is impossible.
  static bool Advance(int64_t* offset, uint64_t by) {
    if (by > kOffsetMax - static_cast<uint64_t>(*offset)) return false;
    *offset += static_cast<int64_t>(by);
    return true;
  }

  Status AddRanges(const format::OffsetMapRun& run) {
    int64_t source = run.source_start();
    int64_t target = run.target_start();
    bool sound = Advance(&source, run.source_skip()) && Advance(&target, run.target_skip());
    for (int i = 0; sound && i < run.count_size(); ++i) {
      sound = Advance(&source, run.source_gap(i)) &&
              (run.target_gap_size() == 0 || Advance(&target, run.target_gap(i))) &&
              run.count(i) <= kOffsetMax;
      if (!sound) break;
      auto count = static_cast<int64_t>(run.count(i));
      sound = current_.map.Add(source, target, count).ok();
      if (!sound) break;
      source += count;
      target += count;
    }
    if (sound) return Status::Ok();
    return Corrupt(fmt::format("the map of {}-{} does not ascend inside of what it covers",
                               run.source_topic(), run.partition()));
  }

  const OffsetMapCallback& out_;
  PartitionOffsetMap current_;
  bool has_current_ = false;
};

struct ObjectReader {
  const std::string& name;
  MapAssembler& assembler;
  bool has_header = false;
  uint64_t runs_left = 0;
  uint64_t ranges_left = 0;

  Status Add(ByteView bytes) {
    format::OffsetMapRecord record;
    if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return Corrupt(name + ": a record does not parse");
    }
    if (record.record_case() == format::OffsetMapRecord::RECORD_NOT_SET) {
      return Status(Code::kUnsupported, name + ": a record of an unknown kind")
          .WithHint("a newer maxbrod wrote this repository: use that version or a later one");
    }
    if (record.has_header() == has_header) {
      return Corrupt(name + ": its header is not first and alone");
    }
    if (record.has_header()) return AddHeader(record.header());
    for (const format::OffsetMapRun& run : record.runs().runs()) {
      auto ranges = static_cast<uint64_t>(run.count_size());
      if (runs_left == 0 || ranges > ranges_left) {
        return Corrupt(name + ": holds more than its header says");
      }
      --runs_left;
      ranges_left -= ranges;
      MB_RETURN_IF_ERROR(assembler.Add(run).WithContext(name));
    }
    return Status::Ok();
  }

  Status AddHeader(const format::OffsetMapHeader& header) {
    const OffsetMapLimits limits;
    if (header.runs() > limits.runs || header.ranges() > limits.ranges) {
      return Corrupt(name + ": larger than an offset map may be");
    }
    has_header = true;
    runs_left = header.runs();
    ranges_left = header.ranges();
    return Status::Ok();
  }
};

Status ReadInto(const std::string& name, ByteView bytes, MapAssembler& assembler,
                const Keyring* keys) {
  ObjectReader reader{name, assembler};
  MB_RETURN_IF_ERROR(ReadObject(
      ObjectType::kOffsetMap, name, bytes, [&](ByteView record) { return reader.Add(record); },
      keys));
  if (!reader.has_header || reader.runs_left != 0 || reader.ranges_left != 0) {
    return Corrupt(name + ": parts of it are missing");
  }
  return Status::Ok();
}

}  // namespace

Result<std::vector<format::ObjectRef>> WriteOffsetMaps(store::Store& store,
                                                       const std::vector<PartitionOffsetMap>& maps,
                                                       const CallContext& context,
                                                       const OffsetMapLimits& limits) {
  ObjectWriter writer(store, context, limits);
  for (const PartitionOffsetMap& map : maps) {
    MB_RETURN_IF_ERROR(context.Check());
    size_t total = map.map.ranges().size();
    size_t begin = 0;
    do {
      size_t end = std::min<size_t>(total, begin + limits.run_ranges);
      MB_RETURN_IF_ERROR(writer.Add(map, begin, end));
      begin = end;
    } while (begin < total);
  }
  MB_RETURN_IF_ERROR(writer.Close());
  return writer.TakeRefs();
}

Status ForEachOffsetMap(store::Store& store, const format::RestoreRecord& record,
                        const OffsetMapCallback& map, const CallContext& context) {
  MapAssembler assembler(map);
  for (const format::ObjectRef& ref : record.offset_maps()) {
    MB_RETURN_IF_ERROR(context.Check());
    MB_ASSIGN_OR_RETURN(Bytes bytes, GetContentObject(store, kFolder, ref, context));
    MB_RETURN_IF_ERROR(ReadInto(OffsetMapName(ref), bytes, assembler, KeysOf(store)));
  }
  return assembler.Finish();
}

Result<std::vector<PartitionOffsetMap>> ReadOffsetMaps(store::Store& store,
                                                       const format::RestoreRecord& record,
                                                       const CallContext& context) {
  std::vector<PartitionOffsetMap> out;
  std::set<std::pair<std::string, int32_t>> seen;
  auto add = [&](PartitionOffsetMap map) -> Status {
    if (!seen.insert({map.target_topic, map.partition}).second) {
      return Corrupt(fmt::format("two offset maps lead to {}-{}", map.target_topic, map.partition));
    }
    out.push_back(std::move(map));
    return Status::Ok();
  };
  MB_RETURN_IF_ERROR(ForEachOffsetMap(store, record, add, context));
  return out;
}

Result<std::vector<PartitionOffsetMap>> DecodeOffsetMaps(const std::string& name, ByteView bytes,
                                                         const Keyring* keys) {
  std::vector<PartitionOffsetMap> out;
  OffsetMapCallback add = [&](PartitionOffsetMap map) {
    out.push_back(std::move(map));
    return Status::Ok();
  };
  MapAssembler assembler(add);
  MB_RETURN_IF_ERROR(ReadInto(name, bytes, assembler, keys));
  MB_RETURN_IF_ERROR(assembler.Finish());
  return out;
}

Status CheckOffsetMaps(store::Store& store, const format::ObjectRef& ref,
                       const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Bytes bytes, GetContentObject(store, kFolder, ref, context));
  OffsetMapCallback drop = [](const PartitionOffsetMap&) { return Status::Ok(); };
  MapAssembler assembler(drop);
  MB_RETURN_IF_ERROR(ReadInto(OffsetMapName(ref), bytes, assembler, KeysOf(store)));
  return assembler.Finish();
}

}  // namespace maxbrod::repo
