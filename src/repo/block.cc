#include "repo/block.h"

#include <algorithm>
#include <span>
#include <utility>

#include "repo/object.h"

namespace maxbrod::repo {
namespace {

// Leaves room for the envelope (a oneof's tag and length) and for pack numbers that grow when a
// manifest is cut into shards, which number their packs themselves.
constexpr size_t kRunBytesMax = kFramePlainBytesMax - 64 - 5 * kRunBlocksMax;

Status Corrupt(const char* what) {
  return Status(Code::kCorrupt, std::string("block index: ") + what);
}

int64_t Minus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
int64_t Plus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int32_t Minus32(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) - static_cast<uint32_t>(b));
}
int32_t Plus32(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}

// Leaves a column of zeros out: readers take an absent column for zeros.
template <typename Column>
void DropZeros(Column* column) {
  if (std::all_of(column->begin(), column->end(), [](auto v) { return v == 0; })) column->Clear();
}

void DropZeroColumns(format::BlockRun* run) {
  DropZeros(run->mutable_offset_span());
  DropZeros(run->mutable_first_epoch_delta());
  DropZeros(run->mutable_epoch_span());
  DropZeros(run->mutable_batches());
  DropZeros(run->mutable_records());
  DropZeros(run->mutable_holes_inside());
  DropZeros(run->mutable_holes_between());
  DropZeros(run->mutable_markers());
  DropZeros(run->mutable_min_timestamp_delta());
  DropZeros(run->mutable_timestamp_span());
  DropZeros(run->mutable_flags());
  DropZeros(run->mutable_largest_batch());
  DropZeros(run->mutable_codecs());
  DropZeros(run->mutable_plain_bytes());
  DropZeros(run->mutable_stored_bytes());
  DropZeros(run->mutable_pack_offset_delta());
  DropZeros(run->mutable_first_frame());
  DropZeros(run->mutable_frames());
  DropZeros(run->mutable_pack());
  DropZeros(run->mutable_commit());
  DropZeros(run->mutable_missing_before());
}

void AddStats(const BlockStats& s, const BlockStats& before, format::BlockRun* run) {
  run->add_first_offset_delta(Minus(s.first_offset, before.first_offset));
  run->add_offset_span(static_cast<uint64_t>(Minus(s.last_offset, s.first_offset)));
  run->add_first_epoch_delta(Minus32(s.first_epoch, before.first_epoch));
  run->add_epoch_span(static_cast<uint32_t>(Minus32(s.last_epoch, s.first_epoch)));
  run->add_batches(s.batches);
  run->add_records(s.records);
  run->add_holes_inside(s.holes_inside);
  run->add_holes_between(s.holes_between);
  run->add_missing_before(s.missing_before);
  run->add_markers(s.markers);
  run->add_min_timestamp_delta(Minus(s.min_timestamp, before.min_timestamp));
  run->add_timestamp_span(static_cast<uint64_t>(Minus(s.max_timestamp, s.min_timestamp)));
  run->add_flags(s.flags);
  run->add_largest_batch(s.largest_batch);
  run->add_codecs(s.codecs);
}

// The columns of a run by row; an absent column reads as zeros.
class Columns {
 public:
  explicit Columns(const format::BlockRun& run) : run_(run), size_(run.first_offset_delta_size()) {}

  Status CheckLengths() const {
    for (int n : {run_.offset_span_size(),
                  run_.first_epoch_delta_size(),
                  run_.epoch_span_size(),
                  run_.batches_size(),
                  run_.records_size(),
                  run_.holes_inside_size(),
                  run_.holes_between_size(),
                  run_.markers_size(),
                  run_.min_timestamp_delta_size(),
                  run_.timestamp_span_size(),
                  run_.flags_size(),
                  run_.largest_batch_size(),
                  run_.codecs_size(),
                  run_.plain_bytes_size(),
                  run_.stored_bytes_size(),
                  run_.pack_offset_delta_size(),
                  run_.first_frame_size(),
                  run_.frames_size(),
                  run_.pack_size(),
                  run_.commit_size(),
                  run_.missing_before_size()}) {
      if (n != 0 && n != size_) return Corrupt("columns differ in length");
    }
    int aborted = run_.aborted_block_size();
    if (run_.aborted_producer_id_size() != aborted || run_.aborted_first_offset_size() != aborted ||
        run_.aborted_last_offset_size() != aborted) {
      return Corrupt("columns of aborted transactions differ in length");
    }
    if (static_cast<size_t>(size_) > kRunBlocksMax) return Corrupt("too many blocks in one run");
    return Status::Ok();
  }

  int size() const { return size_; }
  template <typename Column>
  static auto At(const Column& column, int i) {
    return column.empty() ? std::decay_t<decltype(column.Get(0))>{} : column.Get(i);
  }

 private:
  const format::BlockRun& run_;
  int size_;
};

void ReadStats(const format::BlockRun& run, int i, const BlockStats& before, BlockStats* s) {
  s->first_offset = Plus(before.first_offset, Columns::At(run.first_offset_delta(), i));
  s->last_offset = Plus(s->first_offset, static_cast<int64_t>(Columns::At(run.offset_span(), i)));
  s->first_epoch = Plus32(before.first_epoch, Columns::At(run.first_epoch_delta(), i));
  s->last_epoch = Plus32(s->first_epoch, static_cast<int32_t>(Columns::At(run.epoch_span(), i)));
  s->batches = Columns::At(run.batches(), i);
  s->records = Columns::At(run.records(), i);
  s->holes_inside = Columns::At(run.holes_inside(), i);
  s->holes_between = Columns::At(run.holes_between(), i);
  s->missing_before = Columns::At(run.missing_before(), i);
  s->markers = Columns::At(run.markers(), i);
  s->min_timestamp = Plus(before.min_timestamp, Columns::At(run.min_timestamp_delta(), i));
  s->max_timestamp =
      Plus(s->min_timestamp, static_cast<int64_t>(Columns::At(run.timestamp_span(), i)));
  s->flags = Columns::At(run.flags(), i);
  s->largest_batch = Columns::At(run.largest_batch(), i);
  s->codecs = Columns::At(run.codecs(), i);
}

Status CheckValues(const BlockEntry& e) {
  const BlockStats& s = e.stats;
  const BlockPlace& p = e.place;
  if (s.first_offset < 0 || s.last_offset < s.first_offset) return Corrupt("impossible offsets");
  if (s.first_epoch < -1 || s.last_epoch < s.first_epoch) return Corrupt("impossible epochs");
  if (s.max_timestamp < s.min_timestamp) return Corrupt("impossible timestamps");
  if (p.plain_bytes == 0 || p.plain_bytes > kBlockPlainBytesMax) {
    return Corrupt("impossible block length");
  }
  // A header frame and at least one data frame, none of which grows by being stored.
  if (p.frames < 2 || p.plain_bytes > (p.frames - uint64_t{1}) * kFramePlainBytesMax ||
      p.stored_bytes < p.frames * uint64_t{kFrameHeaderBytes + kFrameTrailerBytes} ||
      p.stored_bytes >
          p.frames * uint64_t{kFramePlainBytesMax + kFrameHeaderBytes + kSealedTrailerBytes}) {
    return Corrupt("impossible frames");
  }
  if (p.pack_offset < kObjectHeaderBytes || p.pack_offset > INT64_MAX - p.stored_bytes ||
      p.first_frame > UINT32_MAX - p.frames) {
    return Corrupt("impossible place");
  }
  return Status::Ok();
}

Status ReadAborted(const format::BlockRun& run, std::vector<BlockEntry>* blocks) {
  for (int i = 0; i < run.aborted_block_size(); ++i) {
    uint32_t block = run.aborted_block(i);
    if (block >= blocks->size()) return Corrupt("an aborted transaction of no block");
    auto& aborted = (*blocks)[block].stats.aborted;
    if (aborted.size() >= kBlockAbortedMax) return Corrupt("too many aborted transactions");
    aborted.push_back(
        {run.aborted_producer_id(i), run.aborted_first_offset(i), run.aborted_last_offset(i)});
  }
  return Status::Ok();
}

Status ReadFrameChecks(const format::BlockRun& run, std::vector<BlockEntry>* blocks) {
  if (run.frame_check().empty() && run.frame_tags().empty()) return Status::Ok();
  uint64_t frames = 0;
  for (const BlockEntry& e : *blocks) frames += e.place.frames;
  if (!run.frame_tags().empty()) {
    if (!run.frame_check().empty() || run.frame_tags().size() != frames * kAeadTagBytes) {
      return Corrupt("frame tags and frames differ in number");
    }
    size_t at = 0;
    for (BlockEntry& e : *blocks) {
      e.place.frame_tags = run.frame_tags().substr(at, e.place.frames * kAeadTagBytes);
      at += e.place.frame_tags.size();
    }
    return Status::Ok();
  }
  if (frames != static_cast<uint64_t>(run.frame_check_size())) {
    return Corrupt("frame checks and frames differ in number");
  }
  auto from = run.frame_check().begin();
  for (BlockEntry& e : *blocks) {
    auto to = from + static_cast<ptrdiff_t>(e.place.frames);
    e.place.frame_checks.assign(from, to);
    from = to;
  }
  return Status::Ok();
}

Result<Uuid> ParseUuid(const std::string& bytes) {
  if (bytes.size() != 16) return Corrupt("an id without 16 bytes");
  return Uuid::FromBytes(AsBytes(bytes).data());
}

// Halves until each run fits a record; a single block always does (kBlockAbortedMax,
// kBlockPlainBytesMax).
void SplitRun(std::span<const BlockEntry* const> entries, RunUse use,
              std::vector<format::BlockRun>* out) {
  if (entries.size() <= kRunBlocksMax) {
    format::BlockRun run = EncodeRun({entries.begin(), entries.end()}, use);
    if (entries.size() == 1 || run.ByteSizeLong() <= kRunBytesMax) {
      out->push_back(std::move(run));
      return;
    }
  }
  size_t half = entries.size() / 2;
  SplitRun(entries.first(half), use, out);
  SplitRun(entries.subspan(half), use, out);
}

}  // namespace

void BlockPlace::DropChecks() {
  frame_checks = {};
  frame_tags = {};
}

format::BlockHeader EncodeBlockHeader(const BlockOwner& owner, const BlockStats& stats,
                                      uint64_t plain_bytes) {
  format::BlockHeader h;
  h.set_topic_id(ToString(owner.topic_id.id.view()));
  h.set_topic(owner.topic);
  h.set_partition(owner.partition);
  h.set_branch(owner.branch);
  h.set_generation(owner.generation.value());
  h.set_first_offset(stats.first_offset);
  h.set_last_offset(stats.last_offset);
  h.set_plain_bytes(plain_bytes);
  return h;
}

Result<format::BlockHeader> ParseBlockHeader(ByteView record) {
  format::BlockHeader h;
  if (!h.ParseFromArray(record.data(), static_cast<int>(record.size()))) {
    return Status(Code::kCorrupt, "not a block header");
  }
  if (h.topic_id().size() != 16 || h.partition() < 0 || h.first_offset() < 0 ||
      h.last_offset() < h.first_offset() || h.plain_bytes() == 0 ||
      h.plain_bytes() > kBlockPlainBytesMax) {
    return Status(Code::kCorrupt, "a block header with impossible values");
  }
  return h;
}

Result<BlockOwner> OwnerOf(const format::BlockHeader& header) {
  MB_ASSIGN_OR_RETURN(Uuid id, ParseUuid(header.topic_id()));
  return BlockOwner{TopicId{id}, header.topic(), header.partition(), header.branch(),
                    Generation(header.generation())};
}

format::BlockRun EncodeRun(const std::vector<const BlockEntry*>& entries, RunUse use) {
  MB_CHECK(!entries.empty() && entries.size() <= kRunBlocksMax);
  const BlockOwner& owner = entries.front()->owner;
  format::BlockRun run;
  run.set_topic_id(ToString(owner.topic_id.id.view()));
  run.set_topic(owner.topic);
  run.set_partition(owner.partition);
  run.set_branch(owner.branch);
  run.set_generation(owner.generation.value());
  BlockStats before;
  before.first_epoch = 0;
  before.min_timestamp = 0;
  const BlockStats* last = &before;
  uint64_t last_pack_offset = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const BlockEntry& e = *entries[i];
    MB_CHECK(e.owner == owner);
    AddStats(e.stats, *last, &run);
    last = &e.stats;
    run.add_plain_bytes(e.place.plain_bytes);
    run.add_stored_bytes(e.place.stored_bytes);
    run.add_pack_offset_delta(static_cast<int64_t>(e.place.pack_offset - last_pack_offset));
    last_pack_offset = e.place.pack_offset;
    run.add_first_frame(e.place.first_frame);
    run.add_frames(e.place.frames);
    if (use == RunUse::kManifest) {
      run.add_pack(e.pack);
      run.add_commit(e.commit);
    } else {
      MB_CHECK(e.place.frame_checks.size() == e.place.frames ||
               e.place.frame_tags.size() == e.place.frames * kAeadTagBytes);
      for (uint32_t check : e.place.frame_checks) run.add_frame_check(check);
      run.mutable_frame_tags()->append(e.place.frame_tags);
    }
    for (const AbortedTransaction& a : e.stats.aborted) {
      run.add_aborted_block(static_cast<uint32_t>(i));
      run.add_aborted_producer_id(a.producer_id);
      run.add_aborted_first_offset(a.first_offset);
      run.add_aborted_last_offset(a.last_offset);
    }
  }
  DropZeroColumns(&run);
  return run;
}

std::vector<format::BlockRun> EncodeRuns(const std::vector<const BlockEntry*>& entries,
                                         RunUse use) {
  std::vector<format::BlockRun> runs;
  std::span<const BlockEntry* const> left = entries;
  while (!left.empty()) {
    size_t n = 1;
    while (n < left.size() && left[n]->owner == left[0]->owner) ++n;
    SplitRun(left.first(n), use, &runs);
    left = left.subspan(n);
  }
  return runs;
}

Status DecodeRun(const format::BlockRun& run, std::vector<BlockEntry>* out) {
  Columns columns(run);
  MB_RETURN_IF_ERROR(columns.CheckLengths());
  BlockOwner owner;
  MB_ASSIGN_OR_RETURN(owner.topic_id.id, ParseUuid(run.topic_id()));
  if (run.partition() < 0) return Corrupt("a negative partition");
  owner.topic = run.topic();
  owner.partition = run.partition();
  owner.branch = run.branch();
  owner.generation = Generation(run.generation());

  std::vector<BlockEntry> blocks(static_cast<size_t>(columns.size()));
  BlockStats before;
  before.first_epoch = 0;
  before.min_timestamp = 0;
  const BlockStats* last = &before;
  uint64_t pack_offset = 0;
  for (int i = 0; i < columns.size(); ++i) {
    BlockEntry& e = blocks[static_cast<size_t>(i)];
    e.owner = owner;
    ReadStats(run, i, *last, &e.stats);
    if (e.stats.first_offset < last->first_offset) return Corrupt("blocks out of order");
    last = &e.stats;
    pack_offset += static_cast<uint64_t>(Columns::At(run.pack_offset_delta(), i));
    e.place.pack_offset = pack_offset;
    e.place.plain_bytes = Columns::At(run.plain_bytes(), i);
    e.place.stored_bytes = Columns::At(run.stored_bytes(), i);
    e.place.first_frame = Columns::At(run.first_frame(), i);
    e.place.frames = Columns::At(run.frames(), i);
    e.pack = Columns::At(run.pack(), i);
    e.commit = Columns::At(run.commit(), i);
    MB_RETURN_IF_ERROR(CheckValues(e));
  }
  MB_RETURN_IF_ERROR(ReadAborted(run, &blocks));
  MB_RETURN_IF_ERROR(ReadFrameChecks(run, &blocks));
  out->insert(out->end(), std::make_move_iterator(blocks.begin()),
              std::make_move_iterator(blocks.end()));
  return Status::Ok();
}

}  // namespace maxbrod::repo
