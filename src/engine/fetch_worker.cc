#include "engine/fetch_worker.h"

#include <algorithm>

#include "base/limits.h"
#include "kafka/errors.h"
#include "os/log.h"

namespace maxbrod::engine {
namespace {

// Partitions in one request at most: keeps a request's header small beside the data it brings.
constexpr size_t kActivePartitionsMax = 1000;
// Answers without data, not throttled, after which a hole at the end of a compacted log is
// believed.
constexpr int kEmptyAnswersAtEnd = 3;
constexpr int32_t kMaxWaitMs = 500;
// Brokers up to 3.8 wait for remote storage as long as the request says (later ones for
// remote.fetch.max.wait.ms), then drop what was read.
constexpr int32_t kRemoteMaxWaitMs = 5'000;
// The first response's size; doubled when a full one took longer than kSlowNanos, halved when it
// was quick.
constexpr size_t kResponseBytesMin = kMiB;
constexpr int64_t kSlowNanos = 50'000'000;
constexpr int64_t kQuickNanos = 10'000'000;
// A broker takes memory of its heap for what it reads from remote storage, so much at once.
constexpr size_t kRemoteBytesMax = 4 * kMiB;
// A replica may lag behind the cut, which is its leader's. It is waited for so long.
constexpr int64_t kFollowerPatienceNanos = 10'000'000'000;

int64_t Nanos(Millis ms) {
  return ms.count() * 1'000'000;
}

int32_t LeaderEpochOf(const kafka::ClusterMetadata& metadata, const ReadRange& range) {
  auto topic = metadata.topics.find(range.topic);
  if (topic == metadata.topics.end()) return -1;
  for (const auto& p : topic->second.partitions) {
    if (p.partition == range.partition) return p.leader_epoch;
  }
  return -1;
}

std::string SecondsOf(Millis limit) {
  return std::to_string(limit.count() / 1000) + " s";
}

}  // namespace

size_t FetchWorker::LargestResponse() const {
  size_t most = options_.response_bytes_max;
  if (lane_.kind == LaneKind::kRemote) most = std::min(most, kRemoteBytesMax);
  return shared_.pace.ChunkBytes(most);
}

void FetchWorker::TopUp() {
  size_t most = kActivePartitionsMax - std::min(active_.size(), kActivePartitionsMax);
  if (lane_.kind == LaneKind::kRemote) most = active_.empty() ? 1 : 0;
  if (most == 0) return;
  auto metadata = shared_.cluster.metadata();
  for (size_t range : shared_.queues.Take(lane_, most)) {
    Active a;
    a.range = range;
    a.leader_epoch = LeaderEpochOf(*metadata, shared_.ranges[range]);
    active_.push_back(a);
  }
}

void FetchWorker::HandOver(size_t range) {
  shared_.queues.Push(routes_.LaneOf(range), range);
}

void FetchWorker::Reroute() {
  std::vector<size_t> due;
  for (const Active& a : active_) {
    bool remote_end = lane_.kind == LaneKind::kRemote && !routes_.IsRemote(a.range);
    if (remote_end || routes_.LocalStartDue(a.range)) due.push_back(a.range);
  }
  if (!due.empty()) routes_.AskLocalStarts(due, context_);
  std::erase_if(active_, [this](const Active& a) {
    LaneKind kind = routes_.IsRemote(a.range) ? LaneKind::kRemote : LaneKind::kLocal;
    if (kind == lane_.kind && !routes_.FollowerDue(a.range)) return false;
    HandOver(a.range);
    return true;
  });
}

Status FetchWorker::Requeue(std::vector<Active>* ranges, const Status& why, int64_t idle_nanos) {
  if (!why.retryable()) return why;
  const int64_t begun = options_.clock->MonotonicNanos();
  for (const Active& a : *ranges) {
    shared_.idle_nanos[a.range] += idle_nanos;
    if (routes_.IsFollower(a.range, lane_.broker)) {
      routes_.BackToLeader(a.range);
    } else if (shared_.idle_nanos[a.range] > Nanos(options_.stall_limit)) {
      return why.WithContext("no progress for " + SecondsOf(options_.stall_limit));
    }
  }
  LogInfo("fetch: {} (trying again)", why.ToString());
  if (!options_.clock->Sleep(shared_.cluster.config().retry_backoff_max / 4, context_.stop))
    return Status(Code::kCancelled, "stopped");
  (void)shared_.cluster.Refresh(context_.Within(options_.stall_limit)).ok();
  const int64_t waited = options_.clock->MonotonicNanos() - begun;
  for (const Active& a : *ranges) {
    shared_.idle_nanos[a.range] += waited;
    HandOver(a.range);
  }
  ranges->clear();
  return Status::Ok();
}

Status FetchWorker::Serve(const Lane& lane) {
  lane_ = lane;
  active_.clear();
  TopUp();
  if (active_.empty()) return Status::Ok();
  const int64_t begun = options_.clock->MonotonicNanos();
  auto connection = shared_.cluster.OpenConnection(
      lane.broker, context_.Within(shared_.cluster.config().api_timeout));
  if (!connection.ok()) {
    return Requeue(&active_, connection.status(), options_.clock->MonotonicNanos() - begun);
  }
  response_bytes_ = std::min(kResponseBytesMin, LargestResponse());
  while (!active_.empty()) {
    MB_RETURN_IF_ERROR(context_.Check());
    Reroute();
    if (!active_.empty()) MB_RETURN_IF_ERROR(FetchOnce(**connection));
    if ((*connection)->closed()) return Status::Ok();
    if (active_.size() < kActivePartitionsMax / 2) TopUp();
  }
  return Status::Ok();
}

// A request names one rack for all of its partitions: those that go with the first one's.
FetchWorker::Round FetchWorker::PlanRound() {
  Round round;
  round.spec.rack = routes_.RackFor(active_.front().range);
  for (const Active& a : active_) {
    bool along = routes_.RackFor(a.range) == round.spec.rack;
    (along ? round.asked : round.later).push_back(a);
  }
  bool remote = lane_.kind == LaneKind::kRemote;
  round.spec.max_wait_ms = remote ? kRemoteMaxWaitMs : kMaxWaitMs;
  round.spec.max_bytes = static_cast<int32_t>(response_bytes_);
  round.spec.partitions.reserve(round.asked.size());
  for (const Active& a : round.asked) {
    const ReadRange& range = shared_.ranges[a.range];
    kafka::FetchPartition p;
    p.topic = range.topic;
    p.topic_id = range.topic_id;
    p.partition = range.partition;
    p.fetch_offset = range.cursor.next_offset;
    p.current_leader_epoch = a.leader_epoch;
    p.partition_max_bytes = static_cast<int32_t>(std::min(options_.run_bytes, response_bytes_));
    round.spec.partitions.push_back(std::move(p));
  }
  return round;
}

// Waits for our limits and, in Send, for the broker's quotas; what is timed is the broker alone.
Result<kafka::FetchResponseView> FetchWorker::Ask(kafka::Connection& connection, Round* round) {
  MB_RETURN_IF_ERROR(shared_.pace.TakeBytes(response_bytes_, context_));
  Pace::Pass pass;
  Status sent = shared_.pace.Enter(lane_.broker, &pass, context_);
  // Not within the request's time: a throttle may last longer.
  if (sent.ok()) sent = SendFetch(connection, round->spec, context_);
  const int64_t asked_nanos = options_.clock->MonotonicNanos();
  Result<kafka::FetchResponseView> answer =
      sent.ok() ? ReceiveFetch(connection, round->spec, &buffer_, context_)
                : Result<kafka::FetchResponseView>(sent);
  pass.End();
  round->took_nanos = options_.clock->MonotonicNanos() - asked_nanos;
  if (answer.ok()) {
    for (const kafka::FetchedPartition& p : answer->partitions) round->got += p.records.size();
  }
  shared_.pace.SettleBytes(response_bytes_, round->got);
  return answer;
}

Status FetchWorker::FetchOnce(kafka::Connection& connection) {
  Round round = PlanRound();
  auto answer = Ask(connection, &round);
  Status status = answer.status();
  if (answer.ok() && answer->error != 0) {
    status = kafka::ErrorStatus(answer->error,
                                "Fetch from broker " + std::to_string(lane_.broker.value()));
    connection.Close();
  }
  if (!status.ok()) return Requeue(&active_, status, round.took_nanos);
  MovedRanges moved;
  MB_RETURN_IF_ERROR(Digest(*answer, &round, &moved));
  if (!moved.ranges.empty())
    MB_RETURN_IF_ERROR(Requeue(&moved.ranges, moved.why, round.took_nanos));
  GrowOrShrink(round);
  return Status::Ok();
}

void FetchWorker::GrowOrShrink(const Round& round) {
  const size_t most = LargestResponse();
  if (round.got >= response_bytes_ / 2) {
    if (round.took_nanos > kSlowNanos) response_bytes_ *= 2;
    if (round.took_nanos < kQuickNanos)
      response_bytes_ = std::min(response_bytes_, std::max(response_bytes_ / 2, kResponseBytesMin));
  }
  response_bytes_ = std::min(response_bytes_, most);
}

// Hands a response's data to the sink; drops finished ranges and moves those that brought data to
// the back, so that the next response serves the others first.
Status FetchWorker::Digest(const kafka::FetchResponseView& answer, Round* round,
                           MovedRanges* moved) {
  enum class Fate : uint8_t { kWaiting, kServed, kLeft };
  std::vector<Fate> fates(round->asked.size(), Fate::kWaiting);
  size_t last_served = 0;
  for (const kafka::FetchedPartition& p : answer.partitions) {
    if (!p.records.empty()) last_served = std::max(last_served, p.index);
  }
  // A full answer leaves no room for those that come after the last one served.
  const bool full = round->got >= static_cast<size_t>(round->spec.max_bytes) / 2;
  for (const kafka::FetchedPartition& p : answer.partitions) {
    Active& a = round->asked[p.index];
    bool leave = false;
    const bool its_turn = answer.throttle_ms == 0 && (!full || p.index < last_served);
    if (p.error != 0) {
      MB_RETURN_IF_ERROR(OnPartitionError(p, a, moved, &leave));
    } else {
      MB_RETURN_IF_ERROR(OnPartitionData(answer, p, &a, &leave));
      if (!leave && p.records.empty() && its_turn) MB_RETURN_IF_ERROR(OnEmpty(*round, &a, &leave));
    }
    fates[p.index] = leave ? Fate::kLeft : (p.records.empty() ? Fate::kWaiting : Fate::kServed);
  }
  active_ = std::move(round->later);
  for (Fate wanted : {Fate::kWaiting, Fate::kServed}) {
    for (size_t i = 0; i < round->asked.size(); ++i) {
      if (fates[i] == wanted) active_.push_back(round->asked[i]);
    }
  }
  totals.requests += 1;
  totals.bytes += round->got;
  totals.bytes_by_broker[lane_.broker.value()] += round->got;
  totals.partitions_in_requests += round->asked.size();
  if (lane_.kind == LaneKind::kRemote) totals.remote_requests += 1;
  return Status::Ok();
}

Status FetchWorker::OnPartitionData(const kafka::FetchResponseView& answer,
                                    const kafka::FetchedPartition& p, Active* a, bool* leave) {
  ReadRange& range = shared_.ranges[a->range];
  if (!routes_.IsFollower(a->range, lane_.broker) && p.records.empty() &&
      routes_.OnPreferredReplica(a->range, lane_.broker, p.preferred_read_replica)) {
    *leave = true;
    HandOver(a->range);
    return Status::Ok();
  }
  range.log_start_seen = std::max(range.log_start_seen, p.log_start_offset);
  int64_t before = range.cursor.next_offset;
  std::vector<std::pair<int64_t, int64_t>> aborted;
  for (const auto& t : p.aborted) aborted.emplace_back(t.producer_id, t.first_offset);
  Status sink_status;
  Status scanned =
      ScanBatches(p.records, options_.run_bytes, &range.cursor, [&](const BatchRun& run) {
        sink_status = shared_.sink.OnRun(number_, range, run, aborted);
        if (sink_status.ok()) shared_.progress.Add(run.bytes.size(), run.stats.records);
        return sink_status;
      });
  if (!sink_status.ok()) return sink_status;
  if (!scanned.ok()) {
    *leave = true;
    GiveUp(a->range, std::move(scanned).WithContext("partition " + range.tp().ToString()));
    return Status::Ok();
  }
  if (range.cursor.next_offset > before) {
    shared_.idle_nanos[a->range] = 0;
    a->empty_answers = 0;
  } else if (p.records.empty() && answer.throttle_ms == 0 &&
             p.last_stable_offset >= range.end_offset) {
    ++a->empty_answers;
  }
  if (range.compacted && a->empty_answers >= kEmptyAnswersAtEnd) {
    range.cursor.missing += static_cast<uint64_t>(range.end_offset - range.cursor.next_offset);
    range.cursor.next_offset = range.end_offset;
  }
  if (range.cursor.next_offset < range.end_offset) return Status::Ok();
  *leave = true;
  return FinishRange(a->range);
}

// It could have had data, and had none.
Status FetchWorker::OnEmpty(const Round& round, Active* a, bool* leave) {
  int64_t& idle = shared_.idle_nanos[a->range];
  idle += round.took_nanos;
  if (routes_.IsFollower(a->range, lane_.broker)) {
    if (idle < kFollowerPatienceNanos) return Status::Ok();
    idle = 0;
    *leave = true;
    routes_.BackToLeader(a->range);
    HandOver(a->range);
    return Status::Ok();
  }
  if (idle <= Nanos(options_.stall_limit)) return Status::Ok();
  *leave = true;
  const ReadRange& range = shared_.ranges[a->range];
  GiveUp(a->range, Status(Code::kTimeout,
                          "partition " + range.tp().ToString() + ": no data at offset " +
                              std::to_string(range.cursor.next_offset) + " for " +
                              SecondsOf(options_.stall_limit) + ", although the log goes on to " +
                              std::to_string(range.end_offset)));
  return Status::Ok();
}

void FetchWorker::GiveUp(size_t range, Status status) {
  shared_.ranges[range].status = std::move(status);
  shared_.queues.Finish();
}

Status FetchWorker::FinishRange(size_t index) {
  ReadRange& range = shared_.ranges[index];
  range.done = true;
  MB_RETURN_IF_ERROR(shared_.sink.OnDone(number_, range));
  shared_.queues.Finish();
  return Status::Ok();
}

Status FetchWorker::OnPartitionError(const kafka::FetchedPartition& p, const Active& a,
                                     MovedRanges* moved, bool* leave) {
  ReadRange& range = shared_.ranges[a.range];
  Status status =
      kafka::ErrorStatus(p.error, "Fetch of " + range.tp().ToString() + " from broker " +
                                      std::to_string(lane_.broker.value()));
  if (routes_.IsFollower(a.range, lane_.broker)) {
    // Whatever it is: only the leader's word counts.
    LogInfo("fetch: {}", status.ToString());
    *leave = true;
    routes_.BackToLeader(a.range);
    HandOver(a.range);
    return Status::Ok();
  }
  if (p.error == kafka::error::kOffsetOutOfRange) return OnOutOfRange(a, moved, leave);
  *leave = true;
  bool unknown = p.error == kafka::error::kUnknownTopicOrPartition ||
                 p.error == kafka::error::kUnknownTopicId ||
                 p.error == kafka::error::kInconsistentTopicId;
  if (unknown && TopicIsGone(range)) {
    GiveUp(a.range,
           Status(Code::kNotFound, "topic '" + range.topic + "' vanished while it was read")
               .WithHint("it was deleted (and perhaps recreated) meanwhile: run the backup again"));
    return Status::Ok();
  }
  if (status.retryable() || unknown) {
    moved->ranges.push_back(a);
    moved->why = std::move(status).Retryable();
    return Status::Ok();
  }
  if (p.error == kafka::error::kTopicAuthorizationFailed) {
    status = std::move(status).WithContext("needs Read on Topic '" + range.topic + "'");
  }
  GiveUp(a.range, std::move(status));
  return Status::Ok();
}

bool FetchWorker::TopicIsGone(const ReadRange& range) {
  auto metadata = shared_.cluster.Refresh(context_.Within(shared_.cluster.config().api_timeout));
  if (!metadata.ok()) return false;
  auto found = (*metadata)->topics.find(range.topic);
  return found == (*metadata)->topics.end() ||
         found->second.error == kafka::error::kUnknownTopicOrPartition ||
         found->second.id != range.topic_id;
}

// Retention overtook us, or the log was cut off below us.
Status FetchWorker::OnOutOfRange(const Active& a, MovedRanges* moved, bool* leave) {
  ReadRange& range = shared_.ranges[a.range];
  kafka::PerPartition<int64_t> ask{{range.tp(), kafka::kEarliest}};
  auto earliest = shared_.cluster.ListOffsets(ask, kafka::Isolation::kReadUncommitted, context_);
  if (!earliest.ok()) {
    *leave = true;
    if (!earliest.status().retryable()) return earliest.status();
    moved->ranges.push_back(a);
    moved->why = earliest.status();
    return Status::Ok();
  }
  const kafka::ListedOffset& found = earliest->at(range.tp());
  if (found.error == 0 && found.offset > range.cursor.next_offset) {
    range.torn_to = found.offset;
    range.log_start_seen = std::max(range.log_start_seen, found.offset);
    shared_.progress.Warn("partition " + range.tp().ToString() + ": retention removed offsets " +
                          std::to_string(range.cursor.next_offset) + " to " +
                          std::to_string(found.offset - 1) + " before they were read");
    range.cursor.next_offset = std::min(found.offset, range.end_offset);
    if (range.cursor.next_offset < range.end_offset) return Status::Ok();
    *leave = true;
    return FinishRange(a.range);
  }
  *leave = true;
  GiveUp(a.range,
         Status(Code::kConflict, "partition " + range.tp().ToString() + ": offset " +
                                     std::to_string(range.cursor.next_offset) +
                                     " is beyond the log's end: the log was truncated meanwhile")
             .WithHint("an unclean leader election or a recreated topic: run the backup again"));
  return Status::Ok();
}

}  // namespace maxbrod::engine
