#include "engine/pace.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "kafka/call_pace.h"
#include "kafka/messages/api_versions.h"
#include "os/log.h"

namespace maxbrod::engine {
namespace {

// A chunk is that part of a second's worth.
constexpr uint64_t kChunksPerSecond = 4;
constexpr size_t kChunkBytesMin = 64 * kKiB;
constexpr size_t kGentleChunkBytes = kMiB;

constexpr Millis kProbeEvery{100};
constexpr Millis kProbeRetry{1'000};
// A broker deals connections out to its network threads (num.network.threads, 3 by default) in
// turn; one that is busy sending a large response from a cold disk holds only its own up.
constexpr size_t kProbeConnections = 3;
// The part of --request-rate that probes may use.
constexpr double kProbeShare = 0.1;
// From this version on a client has to tell its name in a form of its own.
constexpr int16_t kProbeVersionMax = 2;

std::string Seconds(double seconds) {
  return std::to_string(std::llround(std::max(seconds, 0.0))) + " s";
}

}  // namespace

std::vector<std::string> PaceReport::Notes(double seconds) const {
  std::vector<std::string> notes;
  if (throttled_seconds >= 1) {
    notes.push_back("the brokers' quotas held it back for " + Seconds(throttled_seconds) + " of " +
                    Seconds(seconds));
  }
  if (gentle && times_reduced > 0) {
    notes.push_back("--gentle gave way " + std::to_string(times_reduced) +
                    " times to the brokers' latency; on average it used " +
                    std::to_string(std::llround(mean_share * 100)) + " % of its connections");
  }
  return notes;
}

Pace::Pace(kafka::Cluster& cluster, const PaceOptions& options, size_t full, Clock& clock)
    : cluster_(cluster),
      options_(options),
      full_(static_cast<double>(std::max<size_t>(full, 1))),
      clock_(clock),
      rack_(options.rack.empty() ? cluster.config().rack : options.rack),
      bytes_(static_cast<double>(options.bytes_per_second), clock),
      throttled_before_(cluster.config().pace->throttled_seconds()) {
  if (options_.requests_per_second > 0)
    cluster.config().pace->SetRequestRate(static_cast<double>(options_.requests_per_second));
}

Pace::~Pace() {
  for (auto& [broker, door] : doors_) door->prober.request_stop();
}

Pace::Pass& Pace::Pass::operator=(Pass&& other) noexcept {
  if (this == &other) return *this;
  End();
  gate_ = std::exchange(other.gate_, nullptr);
  clock_ = other.clock_;
  since_nanos_ = other.since_nanos_;
  return *this;
}

void Pace::Pass::End() {
  if (gate_ != nullptr) gate_->Leave(clock_->MonotonicNanos() - since_nanos_);
  gate_ = nullptr;
}

Status Pace::Enter(BrokerId broker, Pass* pass, const CallContext& context) {
  pass->End();
  if (!options_.gentle) return Status::Ok();
  BrokerGate& gate = GateOf(broker);
  MB_RETURN_IF_ERROR(gate.Enter(context));
  *pass = Pass(&gate, &clock_);
  return Status::Ok();
}

bool Pace::TryEnter(BrokerId broker, Pass* pass) {
  pass->End();
  if (!options_.gentle) return true;
  BrokerGate& gate = GateOf(broker);
  if (!gate.TryEnter()) return false;
  *pass = Pass(&gate, &clock_);
  return true;
}

size_t Pace::ChunkBytes(size_t most) const {
  if (options_.gentle) most = std::min(most, kGentleChunkBytes);
  if (options_.bytes_per_second == 0) return most;
  const auto chunk = static_cast<size_t>(options_.bytes_per_second / kChunksPerSecond);
  return std::min(most, std::max(chunk, kChunkBytesMin));
}

BrokerGate& Pace::GateOf(BrokerId broker) {
  std::lock_guard lock(mutex_);
  std::unique_ptr<Door>& door = doors_[broker];
  if (door == nullptr) {
    door = std::make_unique<Door>(full_, clock_);
    door->prober = std::jthread([this, broker, gate = &door->gate](const std::stop_token& stop) {
      Probe(broker, gate, stop);
    });
  }
  return door->gate;
}

Millis Pace::ProbeInterval() const {
  if (options_.requests_per_second == 0) return kProbeEvery;
  const auto brokers = static_cast<double>(cluster_.metadata()->brokers.size());
  const double seconds =
      brokers / (kProbeShare * static_cast<double>(options_.requests_per_second));
  return std::max(kProbeEvery, Millis(static_cast<int64_t>(seconds * 1000)));
}

void Pace::Probe(BrokerId broker, BrokerGate* gate, const std::stop_token& stop) {
  const CallContext context{Deadline::Never(), stop};
  std::array<std::unique_ptr<kafka::Connection>, kProbeConnections> connections;
  for (size_t n = 0; !stop.stop_requested(); ++n) {
    Status probed = ProbeOnce(broker, &connections[n % kProbeConnections], gate, context);
    if (!probed.ok()) {
      connections[n % kProbeConnections].reset();
      gate->OnProbeLost();
      if (!stop.stop_requested()) LogInfo("gentle: {} (trying again)", probed.ToString());
    }
    clock_.Sleep(probed.ok() ? ProbeInterval() : kProbeRetry, stop);
  }
}

Status Pace::ProbeOnce(BrokerId broker, std::unique_ptr<kafka::Connection>* connection,
                       BrokerGate* gate, const CallContext& context) {
  using Request = kafka::ApiVersionsRequest;
  if (*connection == nullptr || (*connection)->closed()) {
    MB_ASSIGN_OR_RETURN(*connection, cluster_.OpenConnection(
                                         broker, context.Within(cluster_.config().api_timeout)));
  }
  MB_ASSIGN_OR_RETURN(int16_t version,
                      (*connection)->NegotiateVersion(Request::kApi.key, 0, kProbeVersionMax));
  kafka::WireWriter writer;
  MB_RETURN_IF_ERROR(kafka::EncodeMessage(Request(), version, &writer));
  // Sending waits for what holds us back ourselves: not part of the broker's latency.
  MB_RETURN_IF_ERROR((*connection)->Send(Request::kApi, version, writer.Pieces(), context));
  const int64_t sent = clock_.MonotonicNanos();
  gate->OnProbeSent(sent);
  Bytes buffer;
  ByteView body;
  MB_RETURN_IF_ERROR((*connection)->Receive(&buffer, &body, context));
  gate->OnProbeAnswered(sent, clock_.MonotonicNanos());
  Request::Response response;
  MB_RETURN_IF_ERROR(kafka::DecodeMessage(body, version, &response));
  (*connection)->NoteThrottle(Millis(response.throttle_time_ms));
  return Status::Ok();
}

PaceReport Pace::Report() {
  PaceReport report;
  report.throttled_seconds = cluster_.config().pace->throttled_seconds() - throttled_before_;
  report.gentle = options_.gentle;
  std::lock_guard lock(mutex_);
  double shares = 0;
  for (auto& [broker, door] : doors_) {
    BrokerGate::Reading reading = door->gate.Read();
    report.times_reduced += reading.times_reduced;
    shares += reading.mean_share;
    LogInfo("gentle: broker {}: resting latency {} us, gave way {} times, share {}", broker.value(),
            reading.baseline_nanos / 1000, reading.times_reduced, reading.mean_share);
  }
  if (!doors_.empty()) report.mean_share = shares / static_cast<double>(doors_.size());
  return report;
}

}  // namespace maxbrod::engine
