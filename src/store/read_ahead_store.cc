#include "store/read_ahead_store.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

namespace maxbrod::store {
namespace {

// A reader's next segments are looked for among so many of its ranges.
constexpr size_t kLookAheadReads = 256;

}  // namespace

ReadAheadStore::ReadAheadStore(std::shared_ptr<Store> inner, const ReadAheadOptions& options)
    : ForwardingStore(std::move(inner)), options_(options) {
  MB_CHECK(options_.threads > 0);
}

ReadAheadStore::~ReadAheadStore() {
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();
}

void ReadAheadStore::Expect(std::span<const ExpectedRead> reads) {
  MB_CHECK(threads_.empty());
  for (const ExpectedRead& expected : reads) {
    MB_CHECK(expected.size > 0);
    auto [found, fresh] =
        object_of_.try_emplace(expected.name, static_cast<uint32_t>(objects_.size()));
    if (fresh) objects_.push_back({expected.name, {}});
    objects_[found->second].reads.push_back(static_cast<uint32_t>(reads_.size()));
    reads_.push_back({expected.offset, expected.size, found->second});
  }
  if (!reads.empty()) reads_.back().last = true;
}

void ReadAheadStore::CutSegments(Object& object) {
  std::sort(object.reads.begin(), object.reads.end(), [&](uint32_t a, uint32_t b) {
    return std::tie(reads_[a].offset, a) < std::tie(reads_[b].offset, b);
  });
  bool begun = false;
  for (uint32_t index : object.reads) {
    Read& read = reads_[index];
    const uint64_t end = read.offset + read.size;
    if (begun) {
      Segment& last = segments_.back();
      const uint64_t last_end = last.offset + last.size;
      bool near = read.offset <= last_end || read.offset - last_end <= options_.gap_bytes_max;
      if (near && std::max(end, last_end) - last.offset <= options_.segment_bytes) {
        last.size = std::max(end, last_end) - last.offset;
        ++last.left;
        read.segment = static_cast<uint32_t>(segments_.size() - 1);
        continue;
      }
    }
    begun = true;
    read.segment = static_cast<uint32_t>(segments_.size());
    Segment& segment = segments_.emplace_back();
    segment.offset = read.offset;
    segment.size = read.size;
    segment.object = read.object;
    segment.left = 1;
  }
}

void ReadAheadStore::Start() {
  MB_CHECK(threads_.empty());
  for (Object& object : objects_) CutSegments(object);
  if (segments_.empty()) return;
  // Every reader's first segment, then more of each: all begin at once.
  for (size_t depth : {size_t{1}, options_.threads}) {
    bool first = true;
    for (const Read& read : reads_) {
      if (std::exchange(first, read.last)) QueueAhead(read, depth);
    }
  }
  for (size_t i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { Prefetch(stop); });
  }
}

ReadAheadStore::Read* ReadAheadStore::Find(const std::string& name, uint64_t offset,
                                           uint64_t size) {
  auto object = object_of_.find(name);
  if (object == object_of_.end()) return nullptr;
  const std::vector<uint32_t>& reads = objects_[object->second].reads;
  auto at = std::lower_bound(reads.begin(), reads.end(), offset,
                             [&](uint32_t a, uint64_t o) { return reads_[a].offset < o; });
  for (; at != reads.end() && reads_[*at].offset == offset; ++at) {
    if (reads_[*at].size == size && !reads_[*at].served) return &reads_[*at];
  }
  return nullptr;
}

bool ReadAheadStore::Reserve(uint64_t bytes) {
  if (bytes > options_.memory || used_ > options_.memory - bytes) return false;
  used_ += bytes;
  return true;
}

bool ReadAheadStore::EvictStale(uint64_t bytes) {
  const int64_t before =
      options_.clock->MonotonicNanos() - options_.stale_after.count() * 1'000'000;
  for (Segment& segment : segments_) {
    if (segment.state != State::kLoaded || segment.touched_nanos > before) continue;
    segment.data.reset();
    segment.state = State::kIdle;
    used_ -= segment.size;
    if (Reserve(bytes)) return true;
  }
  return false;
}

void ReadAheadStore::QueueAhead(const Read& read, size_t segments) {
  const Read* next = &read;
  uint32_t seen = UINT32_MAX;
  for (size_t i = 0; i < kLookAheadReads; ++i, ++next) {
    if (next->segment != seen) {
      if (segments-- == 0) return;
      seen = next->segment;
      Segment& segment = segments_[seen];
      if (segment.state == State::kIdle && segment.size <= options_.memory) {
        segment.state = State::kQueued;
        queue_.push_back(seen);
      }
    }
    if (next->last) return;
  }
}

void ReadAheadStore::Served(Read& read) {
  read.served = true;
  Segment& segment = segments_[read.segment];
  segment.touched_nanos = options_.clock->MonotonicNanos();
  if (--segment.left > 0) return;
  if (segment.state == State::kLoaded) {
    used_ -= segment.size;
    segment.data.reset();
  }
  // One that is loading is dropped when it has come.
  if (segment.state != State::kLoading) segment.state = State::kDone;
}

void ReadAheadStore::Load(Segment& segment, std::unique_lock<std::mutex>& lock,
                          const CallContext& context) {
  segment.state = State::kLoading;
  lock.unlock();
  auto data = std::make_shared<Bytes>(static_cast<size_t>(segment.size));
  Status status = inner().GetRange(objects_[segment.object].name, segment.offset, *data, context);
  lock.lock();
  if (status.ok()) {
    ++stats_.requests;
    stats_.bytes += segment.size;
  }
  segment.touched_nanos = options_.clock->MonotonicNanos();
  if (status.ok() && segment.left > 0) {
    segment.data = std::move(data);
    segment.state = State::kLoaded;
  } else {
    // After an error each reader reads its own range, and gets its own error.
    used_ -= segment.size;
    segment.state = segment.left > 0 ? State::kIdle : State::kDone;
  }
  changed_.notify_all();
}

Status ReadAheadStore::GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                                const CallContext& context) {
  std::shared_ptr<const Bytes> data;
  uint64_t at = 0;
  {
    std::unique_lock lock(mutex_);
    Read* read = Find(name, offset, out.size());
    if (read != nullptr) {
      Segment& segment = segments_[read->segment];
      at = offset - segment.offset;
      bool wanted = segment.state == State::kIdle || segment.state == State::kQueued;
      if (wanted && (Reserve(segment.size) || EvictStale(segment.size))) {
        Load(segment, lock, context);
      }
      changed_.wait(lock, context.stop, [&] { return segment.state != State::kLoading; });
      MB_RETURN_IF_ERROR(context.Check());
      data = segment.data;
      QueueAhead(*read, options_.threads + 1);
      if (!read->served) Served(*read);
    }
    ++(data != nullptr ? stats_.from_memory : stats_.direct);
  }
  changed_.notify_all();
  if (data == nullptr) return inner().GetRange(name, offset, out, context);
  std::memcpy(out.data(), data->data() + at, out.size());
  return Status::Ok();
}

bool ReadAheadStore::Takes(const Segment& segment) const {
  return segment.state != State::kQueued || segment.size <= options_.memory - used_;
}

void ReadAheadStore::Prefetch(const std::stop_token& stop) {
  const CallContext context{Deadline::Never(), stop};
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop,
                       [&] { return !queue_.empty() && Takes(segments_[queue_.front()]); })) {
    Segment& segment = segments_[queue_.front()];
    queue_.pop_front();
    if (segment.state == State::kQueued && Reserve(segment.size)) Load(segment, lock, context);
  }
}

ReadAheadStats ReadAheadStore::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace maxbrod::store
