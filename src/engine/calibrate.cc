#include "engine/calibrate.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/hash.h"
#include "engine/dense_map.h"
#include "engine/produce_pool.h"
#include "engine/restore_topics.h"

namespace maxbrod::engine {
namespace {

constexpr int64_t kFillerOffsets = 2'000'000;
constexpr int64_t kMarkers = 5'000;
constexpr uint64_t kDataBytes = 32 * kMiB;

class Calibration {
 public:
  Calibration(repo::Repository& repository, kafka::Cluster& target, const RestorePlan& plan,
              const ColdPacks& cold, Clock& clock, const CallContext& context)
      : repository_(repository),
        target_(target),
        cold_(cold),
        clock_(clock),
        context_(context),
        topics_(target, clock, progress_, context) {
    uint8_t random[4] = {};
    MB_CHECK(RandomBytes(random).ok());
    PlannedTopic topic;
    topic.source = topic.target = "maxbrod-calibration-" + ToHex(ByteView(random));
    topic.replication_factor = 1;
    if (!plan.topics.empty()) topic.limits = plan.topics.front().limits;
    for (const PlannedTopic& planned : plan.topics)
      topic.replication_factor = std::max(topic.replication_factor, planned.replication_factor);
    topic.partitions.emplace_back();
    plan_.topics.push_back(std::move(topic));
    abilities_ = plan.abilities;
    for (const PlannedTopic& planned : plan.topics) {
      for (const PlannedPartition& p : planned.partitions) {
        // With holes it would go in small pieces, and tell nothing of the others.
        if (p.bytes == 0 || p.holes > 0 || AnyCold(p)) continue;
        if (largest_ != nullptr && p.bytes <= largest_->bytes) continue;
        largest_ = &p;
        plan_.topics[0].largest_batch = planned.largest_batch;
      }
    }
  }

  Result<TargetRates> Run() {
    std::string name = plan_.topics[0].target;
    MB_RETURN_IF_ERROR(topics_.Create(plan_, {name}));
    auto rates = Measure();
    // The topic goes, whatever came of it.
    Status deleted = topics_.Delete({name});
    MB_RETURN_IF_ERROR(rates.status());
    MB_RETURN_IF_ERROR(deleted);
    return rates;
  }

 private:
  bool AnyCold(const PlannedPartition& p) const {
    return std::any_of(p.blocks.begin(), p.blocks.end(),
                       [this](const repo::BlockUse& use) { return cold_.Has(use.pack); });
  }

  Result<TargetRates> Measure() {
    TargetRates rates;
    MB_RETURN_IF_ERROR(topics_.PutWorkingConfigs({&plan_.topics[0]}));
    PlannedPartition& p = plan_.topics[0].partitions[0];
    p.log_start = p.data_start = p.end = kFillerOffsets;
    MB_ASSIGN_OR_RETURN(double filler_seconds, Time());
    rates.filler = static_cast<double>(kFillerOffsets) / filler_seconds;
    if (abilities_.markers == MarkerMeans::kWriteTxnMarkers) {
      MB_ASSIGN_OR_RETURN(auto id, target_.InitProducerId(context_));
      markers_ = {id.first, id.second};
      p.end = kFillerOffsets + kMarkers;
      MB_ASSIGN_OR_RETURN(double marker_seconds, Time());
      rates.markers = static_cast<double>(kMarkers) / marker_seconds;
    }
    if (largest_ != nullptr) MB_RETURN_IF_ERROR(MeasureData(&rates));
    rates.measured = true;
    return rates;
  }

  // With the beginning of the largest partition, which goes behind what is there already.
  Status MeasureData(TargetRates* rates) {
    PlannedPartition& p = plan_.topics[0].partitions[0];
    p = PlannedPartition();
    p.log_start = largest_->log_start;
    uint64_t bytes = 0;
    for (const repo::BlockUse& use : largest_->blocks) {
      if (bytes >= kDataBytes) break;
      bytes += use.entry.place.plain_bytes;
      p.end = std::min(use.use_to, largest_->end);
      p.blocks.push_back(use);
    }
    bool guessed = false;
    MB_ASSIGN_OR_RETURN(p.map, BuildOffsetMap(repository_, p, end_, cold_, &guessed, context_));
    if (p.map->records() == 0) return Status::Ok();
    MB_ASSIGN_OR_RETURN(double seconds, Time());
    rates->bytes = static_cast<double>(bytes) / seconds;
    return Status::Ok();
  }

  // Makes the log as long as the plan's partition says, from where it ends.
  Result<double> Time() {
    PlannedTopic& topic = plan_.topics[0];
    kafka::FillerBatches fillers;
    FeedOptions feed_options;
    feed_options.map = topic.partitions[0].map.get();
    BatchFeed feed(repository_.store(), topic.partitions[0], feed_options, fillers);
    MB_RETURN_IF_ERROR(feed.Open(context_));
    MB_RETURN_IF_ERROR(feed.Seek(end_, context_));
    std::vector<ProduceTask> tasks(1);
    tasks[0].topic = topic.target;
    tasks[0].topic_id = topics_.ids().at(topic.target);
    tasks[0].feed = &feed;
    ProduceOptions options;
    options.clock = &clock_;
    options.markers = markers_;
    int64_t begun = clock_.MonotonicNanos();
    MB_RETURN_IF_ERROR(ProduceAll(target_, tasks, options, progress_, context_).status());
    MB_RETURN_IF_ERROR(tasks[0].status);
    end_ = feed.position();
    return static_cast<double>(std::max<int64_t>(clock_.MonotonicNanos() - begun, 1)) / 1e9;
  }

  repo::Repository& repository_;
  kafka::Cluster& target_;
  const ColdPacks& cold_;
  Clock& clock_;
  const CallContext& context_;
  Progress progress_;  // nobody is shown this
  TopicSetup topics_;
  RestorePlan plan_;
  TargetAbilities abilities_;
  ProducerIdentity markers_;
  int64_t end_ = 0;
  const PlannedPartition* largest_ = nullptr;
};

}  // namespace

Result<TargetRates> Calibrate(repo::Repository& repository, kafka::Cluster& target,
                              const RestorePlan& plan, const ColdPacks& cold, Clock& clock,
                              const CallContext& context) {
  return Calibration(repository, target, plan, cold, clock, context).Run();
}

}  // namespace maxbrod::engine
