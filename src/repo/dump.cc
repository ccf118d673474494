#include "repo/dump.h"

#include <fmt/format.h>

#include "kafka/batch.h"
#include "repo/object.h"
#include "repo/pack_format.h"
#include "repo/pack_reader.h"
#include "repo/pack_writer.h"
#include "repo/record_text.h"
#include "repo/vault.h"

namespace maxbrod::repo {
namespace {

std::string FlagNames(uint32_t flags) {
  constexpr std::pair<uint32_t, const char*> kNames[] = {
      {kBlockLogAppendTime, "log-append-time"}, {kBlockOldMagic, "old-magic"},
      {kBlockTransactional, "transactional"},   {kBlockIdempotent, "idempotent"},
      {kBlockDeleteHorizon, "delete-horizon"},  {kBlockEmptyBatch, "empty-batch"},
      {kBlockUnknownControl, "unknown-control"}};
  std::string out;
  for (auto [bit, name] : kNames) {
    if ((flags & bit) != 0) out += (out.empty() ? "" : ",") + std::string(name);
  }
  return out;
}

std::string TagText(const BlockPlace& place, size_t at) {
  return ToHex(AsBytes(place.frame_tags).subspan(at, kAeadTagBytes));
}

std::string BlockJson(const BlockEntry& e, const std::string& pack) {
  const BlockStats& s = e.stats;
  const BlockPlace& p = e.place;
  std::string out = fmt::format(
      R"({{"block":{{"topic":{},"topic_id":"{}","partition":{},"branch":{},"generation":{},)"
      R"("first_offset":{},"last_offset":{},"first_epoch":{},"last_epoch":{},"batches":{},"records":{},)"
      R"("holes_inside":{},"holes_between":{},"missing_before":{},"markers":{},"min_timestamp":{},)"
      R"("max_timestamp":{},"flags":"{}","largest_batch":{},"codecs":{},"commit":{},"pack":"{}",)"
      R"("pack_offset":{},"stored_bytes":{},"plain_bytes":{},"first_frame":{},"frames":{})",
      JsonString(e.owner.topic), e.owner.topic_id.id.ToHex(), e.owner.partition, e.owner.branch,
      e.owner.generation.value(), s.first_offset, s.last_offset, s.first_epoch, s.last_epoch,
      s.batches, s.records, s.holes_inside, s.holes_between, s.missing_before, s.markers,
      s.min_timestamp, s.max_timestamp, FlagNames(s.flags), s.largest_batch, s.codecs, e.commit,
      pack, p.pack_offset, p.stored_bytes, p.plain_bytes, p.first_frame, p.frames);
  out += R"(,"frame_checks":[)";
  for (size_t i = 0; i < p.frame_checks.size(); ++i) {
    out += fmt::format("{}\"{:08x}\"", i == 0 ? "" : ",", p.frame_checks[i]);
  }
  if (!p.frame_tags.empty()) {
    out += "],\"frame_tags\":[";
    for (size_t i = 0; i < p.frame_tags.size(); i += kAeadTagBytes) {
      out += fmt::format("{}\"{}\"", i == 0 ? "" : ",", TagText(p, i));
    }
  }
  out += R"(],"aborted":[)";
  for (size_t i = 0; i < s.aborted.size(); ++i) {
    out += fmt::format(R"({}{{"producer_id":{},"first_offset":{},"last_offset":{}}})",
                       i == 0 ? "" : ",", s.aborted[i].producer_id, s.aborted[i].first_offset,
                       s.aborted[i].last_offset);
  }
  return out + "]}}";
}

std::string BlockText(const BlockEntry& e, const std::string& pack) {
  const BlockStats& s = e.stats;
  const BlockPlace& p = e.place;
  std::string out = fmt::format(
      "block {}-{} branch {} generation {}: offsets {}..{}, epochs {}..{}, {} batches, {} records, "
      "timestamps {}..{}\n    at {} in {}: {} bytes, {} stored, frames {}..{}, largest batch {}, "
      "codecs {:#x}",
      e.owner.topic, e.owner.partition, e.owner.branch, e.owner.generation.value(), s.first_offset,
      s.last_offset, s.first_epoch, s.last_epoch, s.batches, s.records, s.min_timestamp,
      s.max_timestamp, p.pack_offset, pack, p.plain_bytes, p.stored_bytes, p.first_frame,
      p.first_frame + p.frames - 1, s.largest_batch, s.codecs);
  if (e.commit != 0) out += fmt::format(", commit {}", e.commit);
  if (s.flags != 0) out += ", " + FlagNames(s.flags);
  if (s.holes_inside + s.holes_between + s.missing_before != 0) {
    out += fmt::format("\n    offsets missing: {} inside batches, {} between, {} before",
                       s.holes_inside, s.holes_between, s.missing_before);
  }
  if (s.markers != 0) out += fmt::format("\n    {} control batches", s.markers);
  for (const AbortedTransaction& a : s.aborted) {
    out += fmt::format("\n    aborted: producer {}, offsets {}..{}", a.producer_id, a.first_offset,
                       a.last_offset);
  }
  if (!p.frame_checks.empty()) {
    out += "\n    frame checks:";
    for (uint32_t check : p.frame_checks) out += fmt::format(" {:08x}", check);
  }
  if (!p.frame_tags.empty()) {
    out += "\n    frame tags:";
    for (size_t i = 0; i < p.frame_tags.size(); i += kAeadTagBytes) out += " " + TagText(p, i);
  }
  return out;
}

std::string BatchLine(const kafka::BatchEntry& entry, bool json) {
  const kafka::BatchHeader& h = entry.header;
  if (json) {
    return fmt::format(
        R"({{"batch":{{"base_offset":{},"last_offset":{},"bytes":{},"magic":{},"epoch":{},"crc":"{:08x}",)"
        R"("attributes":{},"records":{},"base_timestamp":{},"max_timestamp":{},"producer_id":{},)"
        R"("producer_epoch":{},"base_sequence":{}}}}})",
        h.base_offset, h.last_offset(), entry.bytes.size(), h.magic, h.partition_leader_epoch,
        h.crc, h.attributes, h.record_count, h.base_timestamp, h.max_timestamp, h.producer_id,
        h.producer_epoch, h.base_sequence);
  }
  return fmt::format(
      "    batch {}..{}: {} bytes, magic {}, epoch {}, crc {:08x}, attributes {:#06x}, {} records, "
      "timestamps {}..{}, producer {}/{}/{}",
      h.base_offset, h.last_offset(), entry.bytes.size(), h.magic, h.partition_leader_epoch, h.crc,
      h.attributes, h.record_count, h.base_timestamp, h.max_timestamp, h.producer_id,
      h.producer_epoch, h.base_sequence);
}

class Dumper {
 public:
  Dumper(store::Store& store, const std::string& name, std::ostream& out,
         const DumpOptions& options, const CallContext& context)
      : store_(store), name_(name), out_(out), options_(options), context_(context) {}

  Status Run() {
    MB_ASSIGN_OR_RETURN(store::ObjectInfo info, store_.Stat(name_, context_));
    if (info.size < kObjectHeaderBytes) {
      return Status(Code::kCorrupt,
                    fmt::format("{}: {} bytes are too few for an object", name_, info.size));
    }
    uint8_t header[kObjectHeaderBytes];
    MB_RETURN_IF_ERROR(store_.GetRange(name_, 0, header, context_));
    MB_ASSIGN_OR_RETURN(ObjectType type, PeekObjectType(name_, header));
    PrintHeader(type, info.size, header);
    MB_RETURN_IF_ERROR(CheckObjectHeader(type, name_, header, KeysOf(store_)));
    if (type == ObjectType::kPack) return DumpPack();
    MB_ASSIGN_OR_RETURN(Bytes bytes, store_.Get(name_, kSmallObjectBytesMax, context_));
    return ReadObject(
        type, name_, bytes, [&](ByteView record) { return DumpRecord(type, record); },
        KeysOf(store_));
  }

 private:
  void PrintHeader(ObjectType type, uint64_t size, const uint8_t* header) {
    ByteView bytes(header, kObjectHeaderBytes);
    std::string salt = ToHex(HeaderSalt(bytes));
    uint32_t key = HeaderKeyId(bytes);
    if (options_.json) {
      out_ << fmt::format(R"({{"object":{},"type":"{}","version":{},"bytes":{},"salt":"{}"{}}})",
                          JsonString(name_), ObjectTypeName(type), header[5], size, salt,
                          key == 0 ? "" : fmt::format(R"(,"key_id":{})", key))
           << "\n";
    } else {
      out_ << fmt::format("{}: {}, format {}, {} bytes, salt {}{}\n", name_, ObjectTypeName(type),
                          header[5], size, salt,
                          key == 0 ? "" : fmt::format(", encrypted with key {}", key));
    }
  }

  Status DumpRecord(ObjectType type, ByteView bytes) {
    switch (type) {
      case ObjectType::kConfig:
        return DumpMessage<format::Config>(bytes);
      case ObjectType::kCommit:
        return DumpMessage<format::CommitRecord>(bytes);
      case ObjectType::kCheckpoint:
        return DumpMessage<format::CheckpointRecord>(bytes);
      case ObjectType::kSnapshot:
        return DumpMessage<format::SnapshotRecord>(bytes);
      case ObjectType::kManifest:
        return DumpManifestRecord(bytes);
      case ObjectType::kOffsetMap:
        return DumpMessage<format::OffsetMapRecord>(bytes);
      case ObjectType::kKeySlot:
        return DumpSlot(bytes);
      case ObjectType::kPack:
        break;
    }
    return Status(Code::kInternal, "object type");
  }

  // The public header; what is sealed stays bytes.
  Status DumpSlot(ByteView bytes) {
    format::KeySlot slot;
    format::KeySlotHeader header;
    if (!slot.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
        !header.ParseFromString(slot.header())) {
      return Status(Code::kCorrupt, fmt::format("{}: record {} does not parse", name_, records_));
    }
    Print(header);
    return Status::Ok();
  }

  template <typename Message>
  Status DumpMessage(ByteView bytes) {
    Message record;
    if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return Status(Code::kCorrupt, fmt::format("{}: record {} does not parse", name_, records_));
    }
    Print(record);
    return Status::Ok();
  }

  void Print(const google::protobuf::Message& record) {
    if (options_.json) {
      out_ << R"({"record":)" << RecordJson(record) << "}\n";
    } else {
      out_ << "record " << records_ << "\n" << RecordText(record);
    }
    ++records_;
  }

  Status DumpManifestRecord(ByteView bytes) {
    format::ManifestRecord record;
    if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return Status(Code::kCorrupt, fmt::format("{}: record {} does not parse", name_, records_));
    }
    for (const format::PackRef& pack : record.header().packs())
      pack_names_.push_back(PackName(pack));
    if (record.has_pack()) pack_names_.push_back(PackName(record.pack()));
    if (!record.has_run()) {
      Print(record);
      return Status::Ok();
    }
    std::vector<BlockEntry> blocks;
    MB_RETURN_IF_ERROR(DecodeRun(record.run(), &blocks).WithContext(name_));
    for (const BlockEntry& e : blocks) {
      PrintBlock(e, e.pack < pack_names_.size() ? pack_names_[e.pack] : "no pack");
    }
    ++records_;
    return Status::Ok();
  }

  void PrintBlock(const BlockEntry& e, const std::string& pack) {
    out_ << (options_.json ? BlockJson(e, pack) : BlockText(e, pack)) << "\n";
  }

  Status DumpPack() {
    PackId id;
    bool small = false;
    if (!ParsePackName(name_, &id, &small)) {
      return Status(Code::kCorrupt, name_ + ": a pack under a name that is no pack's")
          .WithHint("packs are named pack/<2 hex>/<32 hex> or l0/<2 hex>/<32 hex>");
    }
    MB_ASSIGN_OR_RETURN(format::PackRef ref, RecoverPackRef(store_, id, small, context_));
    Print(ref);
    if (!options_.batch_headers) {
      MB_ASSIGN_OR_RETURN(std::vector<BlockEntry> blocks, ReadPackIndex(store_, ref, context_));
      for (const BlockEntry& e : blocks) PrintBlock(e, name_);
      return Status::Ok();
    }
    std::vector<PackDamage> damage;
    auto print = [&](const BlockEntry& e, ByteView batches) {
      PrintBlock(e, name_);
      kafka::BatchIterator it(batches);
      kafka::BatchEntry batch;
      while (it.Next(&batch)) out_ << BatchLine(batch, options_.json) << "\n";
      return it.status();
    };
    MB_RETURN_IF_ERROR(ScanPack(store_, ref, print, &damage, context_));
    if (damage.empty()) return Status::Ok();
    return Status(Code::kCorrupt, damage.front().what);
  }

  store::Store& store_;
  const std::string& name_;
  std::ostream& out_;
  const DumpOptions& options_;
  const CallContext& context_;
  std::vector<std::string> pack_names_;
  size_t records_ = 0;
};

}  // namespace

Status DumpObject(store::Store& store, const std::string& name, std::ostream& out,
                  const DumpOptions& options, const CallContext& context) {
  return Dumper(store, name, out, options, context).Run();
}

}  // namespace maxbrod::repo
