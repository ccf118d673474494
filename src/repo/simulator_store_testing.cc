// The simulated store.
#include <algorithm>

#include "repo/simulator_process_testing.h"

namespace maxbrod::repo {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kTimeoutMs = 30'000;
// Below the grace of prune: no network holds a request back for a week.
constexpr int64_t kLateMsMax = 6 * kDayMs;

Status NotThere(const std::string& name) {
  return Status(Code::kNotFound, "'" + name + "' does not exist");
}

}  // namespace

int64_t SimWorld::ProcessClock::WallMillis() {
  return world_.now_ms_ + process_.skew_ms;
}

int64_t SimWorld::ProcessClock::MonotonicNanos() {
  int64_t slept = process_.clock_stands_still ? process_.suspended_ms : 0;
  return (world_.now_ms_ - slept) * 1'000'000;
}

bool SimWorld::ProcessClock::Sleep(Millis duration, std::stop_token /*stop*/) {
  world_.Yield(process_, duration.count());
  return true;
}

int64_t SimWorld::Delay(Process& process) {
  int64_t ms = Random(1, 200);
  int64_t stall = 0;
  if (Chance(options_.stall)) stall = Random(60'000, kHourMs * 3 / 2);
  if (Chance(options_.long_stall)) {
    stall = Random(kDayMs / 4, 20 * kDayMs);
    ++counts_.long_stalls;
  }
  process.suspended_ms += stall;
  return ms + stall;
}

store::PutOutcome SimWorld::Apply(const std::string& name, const Bytes& bytes) {
  auto it = objects_.find(name);
  if (it != objects_.end()) {
    bool overwrite = options_.store_overwrites_log && name.rfind(kLogPrefix, 0) == 0;
    if (!overwrite) {
      return it->second.bytes == bytes ? store::PutOutcome::kExistsSame
                                       : store::PutOutcome::kExistsOther;
    }
  }
  objects_[name] = Object{bytes, now_ms_};
  Sequence sequence;
  if (ParseLogName(name, &sequence)) {
    bool first = first_commits_.emplace(sequence.value(), bytes).second;
    ++(first ? counts_.commits : counts_.strays);
  }
  return store::PutOutcome::kCreated;
}

void SimWorld::ApplyLate(int64_t until_ms) {
  while (!late_.empty() && late_.begin()->first <= until_ms) {
    LateRequest request = std::move(late_.begin()->second);
    now_ms_ = std::max(now_ms_, late_.begin()->first);
    late_.erase(late_.begin());
    if (request.put) {
      (void)Apply(request.name, request.bytes);
    } else {
      objects_.erase(request.name);
    }
  }
}

Status SimWorld::Handle::Send() {
  if (process_ == nullptr) return Status::Ok();
  world_.Yield(*process_, world_.Delay(*process_));
  if (world_.Chance(world_.options_.death)) throw SimDeath();
  if (world_.Chance(world_.options_.error)) {
    return Status(Code::kUnavailable, "simulated failure").Retryable();
  }
  return Status::Ok();
}

void SimWorld::Handle::Receive() {
  if (process_ == nullptr) return;
  world_.Yield(*process_, world_.Delay(*process_));
  if (world_.Chance(world_.options_.death)) throw SimDeath();
}

Result<store::PutResult> SimWorld::Handle::PutBytes(const std::string& name, const Bytes& bytes) {
  MB_RETURN_IF_ERROR(Send());
  store::PutResult result;
  if (process_ != nullptr && world_.Chance(world_.options_.late_request)) {
    int64_t at = world_.now_ms_ +
                 (world_.Chance(0.5) ? world_.Random(1, 120'000) : world_.Random(1, kLateMsMax));
    world_.late_.emplace(at, LateRequest{true, name, bytes});
    ++world_.counts_.late_requests;
    world_.Yield(*process_, kTimeoutMs);
    return result;
  }
  store::PutOutcome outcome = world_.Apply(name, bytes);
  if (process_ != nullptr && world_.Chance(world_.options_.lost_reply)) {
    ++world_.counts_.lost_replies;
    world_.Yield(*process_, kTimeoutMs);
    return result;
  }
  Receive();
  result.outcome = outcome;
  // HTTP dates have seconds.
  result.store_time_ms = world_.now_ms_ / 1000 * 1000;
  return result;
}

Result<store::PutResult> SimWorld::Handle::PutIfAbsent(const std::string& name,
                                                       std::span<const ByteView> pieces,
                                                       const CallContext& /*context*/) {
  Bytes bytes;
  for (ByteView piece : pieces) Append(bytes, piece);
  return PutBytes(name, bytes);
}

class SimWorld::Handle::Writer : public store::ObjectWriter {
 public:
  Writer(Handle& handle, std::string name) : handle_(handle), name_(std::move(name)) {}
  using store::ObjectWriter::Append;
  Status Append(std::span<const ByteView> pieces) override {
    for (ByteView piece : pieces) maxbrod::Append(bytes_, piece);
    return Status::Ok();
  }
  Result<store::PutResult> Commit(const CallContext& /*context*/) override {
    return handle_.PutBytes(name_, bytes_);
  }
  uint64_t bytes_written() const override { return bytes_.size(); }

 private:
  Handle& handle_;
  const std::string name_;
  Bytes bytes_;
};

Result<std::unique_ptr<store::ObjectWriter>> SimWorld::Handle::Create(
    const std::string& name, const CallContext& /*context*/) {
  return std::unique_ptr<store::ObjectWriter>(std::make_unique<Writer>(*this, name));
}

Result<Bytes> SimWorld::Handle::Get(const std::string& name, size_t size_max,
                                    const CallContext& /*context*/) {
  MB_RETURN_IF_ERROR(Send());
  auto it = world_.objects_.find(name);
  bool found = it != world_.objects_.end();
  Bytes bytes = found ? it->second.bytes : Bytes();
  Receive();
  if (!found) return NotThere(name);
  if (bytes.size() > size_max) return Status(Code::kCorrupt, "'" + name + "' is too large");
  return bytes;
}

Status SimWorld::Handle::GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                                  const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Bytes bytes, Get(name, SIZE_MAX, context));
  if (offset + out.size() > bytes.size()) {
    return Status(Code::kCorrupt, "'" + name + "' is too short");
  }
  std::copy_n(bytes.begin() + static_cast<int64_t>(offset), out.size(), out.begin());
  return Status::Ok();
}

Result<store::ObjectInfo> SimWorld::Handle::Stat(const std::string& name,
                                                 const CallContext& /*context*/) {
  MB_RETURN_IF_ERROR(Send());
  auto it = world_.objects_.find(name);
  bool found = it != world_.objects_.end();
  store::ObjectInfo info;
  if (found) info = {name, it->second.bytes.size(), it->second.modified_ms};
  Receive();
  if (!found) return NotThere(name);
  return info;
}

Result<store::ListPage> SimWorld::Handle::List(const std::string& prefix,
                                               const std::string& start_after, size_t limit,
                                               const CallContext& /*context*/) {
  MB_RETURN_IF_ERROR(Send());
  store::ListPage page;
  for (auto it = world_.objects_.lower_bound(prefix); it != world_.objects_.end(); ++it) {
    if (it->first.rfind(prefix, 0) != 0) break;
    if (it->first <= start_after) continue;
    if (page.objects.size() == limit) {
      page.truncated = true;
      break;
    }
    page.objects.push_back({it->first, it->second.bytes.size(), it->second.modified_ms});
  }
  Receive();
  return page;
}

Status SimWorld::Handle::Remove(const std::string& name, const CallContext& /*context*/) {
  MB_RETURN_IF_ERROR(Send());
  if (process_ != nullptr && world_.Chance(world_.options_.late_request)) {
    int64_t at = world_.now_ms_ + world_.Random(1, kLateMsMax);
    world_.late_.emplace(at, LateRequest{false, name, {}});
    return Status(Code::kTimeout, "simulated timeout").Retryable();
  }
  bool removed = world_.objects_.erase(name) > 0;
  if (removed) ++(name.rfind(kLogPrefix, 0) == 0 ? world_.counts_.trimmed : world_.counts_.swept);
  if (process_ != nullptr && world_.Chance(world_.options_.lost_reply)) {
    return Status(Code::kTimeout, "simulated lost reply").Retryable();
  }
  Receive();
  return removed ? Status::Ok() : NotThere(name);
}

Result<int64_t> SimWorld::Handle::NowMillis(const CallContext& /*context*/) {
  MB_RETURN_IF_ERROR(Send());
  int64_t now = world_.now_ms_;
  Receive();
  return now / 1000 * 1000;
}

}  // namespace maxbrod::repo
