// Calls that go to each partition's leader: grouping, retries, leader changes. Included by
// cluster_*.cc only.
#pragma once

#include "kafka/cluster_impl.h"

namespace maxbrod::kafka {

// One request's share of partitions; a ListOffsets of this many is some 50 KiB and quick.
inline constexpr size_t kPartitionsPerRequestMax = 2000;
// For so long a partition without a leader is asked again, then that error is the answer; and for
// so long a topic or partition that its broker does not know (yet).
inline constexpr Millis kNoLeaderPatience{10'000};
inline constexpr Millis kUnknownPatience{3'000};

// Fills `request_topics` (vector of {name, partitions}) from sorted partitions; `make` turns one
// entry into the message's partition.
template <typename Topic, typename In, typename Make>
std::vector<Topic> GroupByTopic(const PerPartition<In>& partitions, std::string Topic::* name,
                                const Make& make) {
  std::vector<Topic> topics;
  for (const auto& [tp, in] : partitions) {
    if (topics.empty() || topics.back().*name != tp.topic) {
      topics.emplace_back();
      topics.back().*name = tp.topic;
    }
    make(topics.back(), tp, in);
  }
  return topics;
}

// Out has `int16_t error`. `ask` sends one request for some partitions of one leader and returns an
// Out for each.
template <typename In, typename Out>
class LeaderRoute {
 public:
  using Ask = std::function<Result<PerPartition<Out>>(BrokerId, const PerPartition<In>&,
                                                      const CallContext&)>;

  LeaderRoute(Cluster::Impl* cluster, const ApiInfo& api, Ask ask)
      : cluster_(cluster), api_(api), ask_(std::move(ask)) {}

  // Every partition asked for stands in the result, with an error code where nothing could be
  // learned in time. An error when nothing at all was learned.
  Result<PerPartition<Out>> Run(const PerPartition<In>& asked, const CallContext& context) {
    pending_ = asked;
    Retry retry(cluster_->config, context);
    while (true) {
      MB_RETURN_IF_ERROR(Round(retry.context()));
      if (pending_.empty()) return std::move(done_);
      GiveUpHopeless(retry.elapsed());
      if (pending_.empty()) return std::move(done_);
      Status waited = retry.Wait(LastStatus());
      if (!waited.ok()) {
        if (waited.code() == Code::kCancelled || done_.empty()) return waited;
        for (const auto& [tp, in] : pending_) Finish(tp, errors_[tp]);
        return std::move(done_);
      }
      RefreshPending(retry.context());
    }
  }

 private:
  Status Round(const CallContext& context) {
    std::map<BrokerId, PerPartition<In>> by_leader;
    Locate(&by_leader);
    for (auto& [broker, partitions] : by_leader) {
      while (!partitions.empty()) {
        PerPartition<In> chunk;
        while (!partitions.empty() && chunk.size() < kPartitionsPerRequestMax) {
          chunk.insert(partitions.extract(partitions.begin()));
        }
        MB_RETURN_IF_ERROR(AskOne(broker, chunk, context));
      }
    }
    return Status::Ok();
  }

  // Sorts what is pending by leader; what has none gets its error.
  void Locate(std::map<BrokerId, PerPartition<In>>* by_leader) {
    auto metadata = cluster_->Snapshot();
    PerPartition<In> located = std::move(pending_);
    pending_.clear();
    for (auto& [tp, in] : located) {
      auto topic = metadata->topics.find(tp.topic);
      int16_t error = error::kUnknownTopicOrPartition;
      BrokerId leader(-1);
      if (topic != metadata->topics.end()) {
        const auto& list = topic->second.partitions;
        auto it = std::lower_bound(
            list.begin(), list.end(), tp.partition,
            [](const PartitionMetadata& p, int32_t index) { return p.partition < index; });
        bool found = it != list.end() && it->partition == tp.partition;
        if (found) leader = it->leader;
        if (found) error = error::kLeaderNotAvailable;
        if (topic->second.error != 0) error = topic->second.error;
      }
      pending_.emplace(tp, in);
      if (leader.value() >= 0) {
        (*by_leader)[leader].emplace(tp, in);
      } else {
        Note(tp, error);
      }
    }
  }

  Status AskOne(BrokerId broker, const PerPartition<In>& chunk, const CallContext& context) {
    Result<PerPartition<Out>> answer = ask_(broker, chunk, context);
    if (!answer.ok()) {
      if (!Retry::Helps(answer.status())) return answer.status();
      last_ = answer.status();
      for (const auto& [tp, in] : chunk) errors_[tp] = kNetworkException;
      return Status::Ok();
    }
    for (const auto& [tp, in] : chunk) {
      auto it = answer->find(tp);
      if (it == answer->end()) {
        return Status(Code::kProtocol, std::string(api_.name) + ": broker " +
                                           std::to_string(broker.value()) + " left out " +
                                           tp.ToString() + " from its answer");
      }
      int16_t error = it->second.error;
      if (error != 0 && IsRetriable(error)) {
        last_ = CallError(error, api_, tp.ToString(), {"Topic", tp.topic}, broker);
        Note(tp, error);
      } else {
        done_[tp] = std::move(it->second);
        pending_.erase(tp);
      }
    }
    return Status::Ok();
  }

  void Note(const TopicPartition& tp, int16_t error) {
    if (!IsRetriable(error)) return Finish(tp, error), void(pending_.erase(tp));
    errors_[tp] = error;
  }
  void Finish(const TopicPartition& tp, int16_t error) {
    Out out{};
    out.error = error;
    done_[tp] = std::move(out);
  }

  void GiveUpHopeless(Millis elapsed) {
    for (auto it = pending_.begin(); it != pending_.end();) {
      int16_t error = errors_[it->first];
      bool unknown = error == error::kUnknownTopicOrPartition || error == error::kUnknownTopicId;
      if ((unknown && elapsed >= kUnknownPatience) ||
          (error == error::kLeaderNotAvailable && elapsed >= kNoLeaderPatience)) {
        Finish(it->first, error);
        it = pending_.erase(it);
      } else {
        ++it;
      }
    }
  }

  Status LastStatus() {
    if (!last_.ok()) return last_;
    const TopicPartition& tp = pending_.begin()->first;
    return CallError(errors_[tp], api_, tp.ToString(), {"Topic", tp.topic}, BrokerId(-1));
  }

  void RefreshPending(const CallContext& context) {
    std::set<std::string> names;
    for (const auto& [tp, in] : pending_) names.insert(tp.topic);
    std::vector<std::string> topics(names.begin(), names.end());
    Status refreshed = cluster_->RefreshOnce(&topics, context);
    last_ = refreshed.ok() ? Status::Ok() : refreshed;
  }

  static constexpr int16_t kNetworkException = 13;

  Cluster::Impl* cluster_;
  const ApiInfo& api_;
  Ask ask_;
  PerPartition<In> pending_;
  PerPartition<Out> done_;
  std::map<TopicPartition, int16_t> errors_;  // why the last try failed
  Status last_;
};

}  // namespace maxbrod::kafka
