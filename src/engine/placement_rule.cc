#include "engine/placement_rule.h"

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "os/file.h"

namespace maxbrod::engine {
namespace {

constexpr int kReplicasMax = 100;
constexpr size_t kListBytesMax = 64 << 20;

bool ParseInt(const std::string& text, int32_t* out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

// An entry of "partitions"; empty when it is right.
std::string AddListed(const nlohmann::json& entry,
                      std::map<TopicPartition, std::vector<int32_t>>* listed) {
  auto topic = entry.find("topic");
  auto partition = entry.find("partition");
  auto replicas = entry.find("replicas");
  if (topic == entry.end() || !topic->is_string()) return "an entry without a topic";
  TopicPartition tp{topic->get<std::string>(), -1};
  if (partition == entry.end() || !partition->is_number_unsigned() ||
      partition->get<uint64_t>() > std::numeric_limits<int32_t>::max())
    return "topic '" + tp.topic + "': an entry without a partition";
  tp.partition = partition->get<int32_t>();
  if (replicas == entry.end() || !replicas->is_array() || replicas->empty())
    return tp.ToString() + ": no replicas";
  std::vector<int32_t> ids;
  for (const auto& id : *replicas) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > std::numeric_limits<int32_t>::max())
      return tp.ToString() + ": a replica that is not a broker's id";
    ids.push_back(id.get<int32_t>());
  }
  if (std::set<int32_t>(ids.begin(), ids.end()).size() != ids.size())
    return tp.ToString() + ": a broker twice";
  if (!listed->emplace(tp, std::move(ids)).second) return tp.ToString() + " twice";
  return "";
}

}  // namespace

Status PlacementRule::ParseFactor(const std::string& text) {
  replication_factor = 0;
  fit = text == "fit";
  if (fit || text == "source") return Status::Ok();
  int32_t factor = 0;
  if (ParseInt(text, &factor) && factor >= 1 && factor <= kReplicasMax) {
    replication_factor = factor;
    return Status::Ok();
  }
  return Status(Code::kInvalidArgument, "not a replication factor: '" + text + "'")
      .WithHint(
          "a number from 1 to 100, 'source', or 'fit': the source's, but at most as many as the "
          "target has brokers");
}

Status PlacementRule::ParseWhere(const std::string& text) {
  where = Where::kBrokers;
  if (text == "auto") return Status::Ok();
  if (text == "source") {
    where = Where::kSource;
    return Status::Ok();
  }
  Result<Bytes> json = ReadFile(FileSystem::Posix(), text, kListBytesMax);
  if (!json.ok()) {
    return json.status()
        .WithContext("--placement")
        .WithHint("auto, source, or a JSON file as kafka-reassign-partitions.sh reads it");
  }
  return ParseListed(text, ToString(*json));
}

Status PlacementRule::ParseBrokerMap(const std::string& text) {
  const size_t equals = text.find('=');
  int32_t from = 0, to = 0;
  if (equals == std::string::npos || !ParseInt(text.substr(0, equals), &from) ||
      !ParseInt(text.substr(equals + 1), &to) || from < 0 || to < 0) {
    return Status(Code::kInvalidArgument, "not a pair of broker ids: '" + text + "'")
        .WithHint("SOURCE=TARGET, e.g. 1=101");
  }
  if (!broker_map.emplace(from, to).second) {
    return Status(Code::kInvalidArgument,
                  "broker " + std::to_string(from) + " of the source is mapped twice");
  }
  return Status::Ok();
}

Status PlacementRule::ParseListed(const std::string& name, const std::string& json) {
  where = Where::kListed;
  auto wrong = [&](const std::string& what) {
    return Status(Code::kInvalidArgument, "'" + name + "': " + what)
        .WithHint(
            R"({"version":1,"partitions":[{"topic":"orders","partition":0,"replicas":[1,2]}]})");
  };
  const nlohmann::json parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded() || !parsed.is_object()) return wrong("not a JSON object");
  auto version = parsed.find("version");
  if (version != parsed.end() && *version != 1) return wrong("a version that is not 1");
  auto partitions = parsed.find("partitions");
  if (partitions == parsed.end() || !partitions->is_array()) return wrong("no list 'partitions'");
  for (const auto& entry : *partitions) {
    if (!entry.is_object()) return wrong("an entry that is not an object");
    std::string what = AddListed(entry, &listed);
    if (!what.empty()) return wrong(what);
  }
  return Status::Ok();
}

}  // namespace maxbrod::engine
