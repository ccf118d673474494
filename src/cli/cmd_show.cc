// maxbrod show: what is in a snapshot.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "cli/output.h"
#include "cli/show_metadata.h"
#include "cli/verbs.h"

namespace maxbrod::cli {
namespace {

struct ShowFlags {
  RepositoryFlags repository;
  std::string snapshot;
  bool configs = false, metadata = false;
};

std::string TopicIdText(const std::string& bytes) {
  return bytes.size() == 16 ? Uuid::FromBytes(AsBytes(bytes).data()).ToBase64() : std::string("-");
}

nlohmann::json ConfigsJson(const google::protobuf::RepeatedPtrField<format::ConfigEntry>& configs,
                           bool only_topic) {
  nlohmann::json out = nlohmann::json::object();
  for (const auto& config : configs) {
    if (only_topic && config.source() != 1) continue;
    out[config.name()] = config.has_value() ? nlohmann::json(config.value()) : nlohmann::json();
  }
  return out;
}

nlohmann::json TopicJson(const format::TopicSnapshot& topic) {
  nlohmann::json partitions = nlohmann::json::array();
  for (const auto& p : topic.partitions()) {
    nlohmann::json gaps = nlohmann::json::array();
    for (const auto& gap : p.gaps())
      gaps.push_back({{"from", gap.start_offset()}, {"to", gap.end_offset()}});
    partitions.push_back({{"partition", p.partition()},
                          {"start_offset", p.start_offset()},
                          {"end_offset", p.end_offset()},
                          {"high_watermark", p.high_watermark()},
                          {"leader_epoch", p.leader_epoch()},
                          {"replicas", std::vector<int>(p.replicas().begin(), p.replicas().end())},
                          {"records", p.records()},
                          {"bytes", p.bytes()},
                          {"branch", p.branch()},
                          {"generation", p.generation()},
                          {"gaps", gaps}});
  }
  return {{"topic", topic.topic()},
          {"topic_id", TopicIdText(topic.topic_id())},
          {"replication_factor", topic.replication_factor()},
          {"configs", ConfigsJson(topic.configs(), true)},
          {"partitions", partitions}};
}

nlohmann::json GroupJson(const format::GroupSnapshot& group) {
  nlohmann::json offsets = nlohmann::json::array();
  for (const auto& o : group.offsets()) {
    offsets.push_back({{"topic", o.topic()},
                       {"partition", o.partition()},
                       {"offset", o.offset()},
                       {"committed", o.offset_before_clip()},
                       {"metadata", o.metadata()}});
  }
  nlohmann::json out = {{"group", group.group()},
                        {"type", group.type()},
                        {"state", group.state()},
                        {"members", group.members()}};
  out["offsets"] = std::move(offsets);
  out["configs"] = ConfigsJson(group.configs(), false);
  if (!group.problem().empty()) out["problem"] = group.problem();
  return out;
}

void PrintJson(const repo::Snapshot& snapshot) {
  nlohmann::json out = {{"id", ToHex(AsBytes(snapshot.ref.id()))},
                        {"name", snapshot.ref.name()},
                        {"description", snapshot.header.description()},
                        {"cluster_id", snapshot.header.cluster().cluster_id()},
                        {"started_ms", snapshot.header.started_ms()},
                        {"finished_ms", snapshot.header.finished_ms()},
                        {"program", snapshot.header.program()}};
  for (const auto& warning : snapshot.header.warnings()) out["warnings"].push_back(warning);
  for (const auto& broker : snapshot.header.cluster().brokers()) {
    out["brokers"].push_back({{"id", broker.id()},
                              {"host", broker.host()},
                              {"port", broker.port()},
                              {"rack", broker.rack()},
                              {"configs", ConfigsJson(broker.configs(), false)}});
  }
  out["topics"] = nlohmann::json::array();
  for (const auto& topic : snapshot.topics) out["topics"].push_back(TopicJson(topic));
  out["groups"] = nlohmann::json::array();
  for (const auto& group : snapshot.groups) out["groups"].push_back(GroupJson(group));
  out["metadata"] = MetadataJson(snapshot.metadata);
  std::cout << out.dump() << "\n";
}

void PrintHead(const repo::Snapshot& snapshot) {
  const auto& h = snapshot.header;
  const auto& stats = snapshot.ref.stats();
  std::cout << "snapshot     " << snapshot.ref.name() << " (" << ToHex(AsBytes(snapshot.ref.id()))
            << ")\n";
  if (!h.description().empty()) std::cout << "description  " << OneLine(h.description()) << "\n";
  std::cout << "taken        " << FormatTime(h.started_ms()) << ", took "
            << FormatDuration(static_cast<double>(h.finished_ms() - h.started_ms()) / 1000)
            << ", by " << h.program() << "\n"
            << "cluster      " << h.cluster().cluster_id() << ", " << h.cluster().brokers_size()
            << " brokers\n";
  for (const auto& broker : h.cluster().brokers()) {
    std::cout << "               " << broker.id() << "  " << broker.host() << ":" << broker.port()
              << (broker.rack().empty() ? "" : "  rack " + broker.rack()) << "\n";
  }
  std::cout << "holds        " << FormatCount(stats.records()) << " records, "
            << FormatBytes(stats.bytes()) << " in " << FormatCount(stats.partitions())
            << " partitions of " << FormatCount(stats.topics()) << " topics\n";
  for (const auto& warning : h.warnings()) std::cout << "warning      " << warning << "\n";
}

void PrintTables(const repo::Snapshot& snapshot, bool configs) {
  Table table({"TOPIC", ">PART", ">START", ">END", ">RECORDS", ">SIZE", "NOTE"});
  for (const auto& topic : snapshot.topics) {
    for (const auto& p : topic.partitions()) {
      std::string note;
      for (const auto& gap : p.gaps()) {
        note += (note.empty() ? "gap " : ", ") + std::to_string(gap.start_offset()) + "-" +
                std::to_string(gap.end_offset() - 1);
      }
      if (p.high_watermark() > p.end_offset())
        note += (note.empty() ? "" : "; ") + std::string("open transaction");
      table.Row({topic.topic(), std::to_string(p.partition()),
                 FormatCount(static_cast<uint64_t>(p.start_offset())),
                 FormatCount(static_cast<uint64_t>(p.end_offset())), FormatCount(p.records()),
                 FormatBytes(p.bytes()), note});
    }
  }
  std::cout << "\n";
  table.Print(std::cout);
  Table groups({"GROUP", "TYPE", "STATE", "TOPIC", ">PART", ">OFFSET", ">LAG"});
  std::map<std::pair<std::string, int>, int64_t> ends;
  for (const auto& topic : snapshot.topics) {
    for (const auto& p : topic.partitions()) ends[{topic.topic(), p.partition()}] = p.end_offset();
  }
  for (const auto& group : snapshot.groups) {
    for (const auto& o : group.offsets()) {
      auto end = ends.find({o.topic(), o.partition()});
      groups.Row({group.group(), group.type(), group.state(), o.topic(),
                  std::to_string(o.partition()), std::to_string(o.offset()),
                  end == ends.end() ? "-" : std::to_string(end->second - o.offset())});
    }
    if (group.offsets_size() == 0) groups.Row({group.group(), group.type(), group.state(), "-"});
  }
  if (!groups.empty()) {
    std::cout << "\n";
    groups.Print(std::cout);
  }
  if (!configs) return;
  Table config_table({"TOPIC", "CONFIG", "VALUE"});
  for (const auto& topic : snapshot.topics) {
    for (const auto& config : topic.configs()) {
      if (config.source() == 1) config_table.Row({topic.topic(), config.name(), config.value()});
    }
  }
  std::cout << "\n";
  config_table.Print(std::cout);
}

// As a backup met them they are in no order that anybody could rely on.
void Sort(repo::Snapshot* snapshot) {
  auto by_name = [](const auto& a, const auto& b) { return a.topic() < b.topic(); };
  std::sort(snapshot->topics.begin(), snapshot->topics.end(), by_name);
  for (format::TopicSnapshot& topic : snapshot->topics) {
    std::sort(topic.mutable_partitions()->begin(), topic.mutable_partitions()->end(),
              [](const auto& a, const auto& b) { return a.partition() < b.partition(); });
  }
  std::sort(snapshot->groups.begin(), snapshot->groups.end(),
            [](const auto& a, const auto& b) { return a.group() < b.group(); });
  for (format::GroupSnapshot& group : snapshot->groups) {
    std::sort(group.mutable_offsets()->begin(), group.mutable_offsets()->end(),
              [](const auto& a, const auto& b) {
                return std::pair(std::string_view(a.topic()), a.partition()) <
                       std::pair(std::string_view(b.topic()), b.partition());
              });
  }
}

Status Run(const ShowFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  MB_ASSIGN_OR_RETURN(auto ref, repository->FindSnapshot(flags.snapshot));
  MB_ASSIGN_OR_RETURN(repo::Snapshot snapshot, repository->ReadSnapshot(ref, globals.context()));
  Sort(&snapshot);
  if (globals.json) {
    PrintJson(snapshot);
  } else {
    PrintHead(snapshot);
    PrintMetadataSummary(snapshot);
    PrintTables(snapshot, flags.configs);
    if (flags.metadata) PrintMetadataTables(snapshot);
  }
  return Status::Ok();
}

}  // namespace

void AddShow(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<ShowFlags>();
  CLI::App* verb =
      app.add_subcommand("show", "Show what is in a snapshot: topics, partitions, groups, gaps");
  verb->add_option("snapshot", flags->snapshot, "Name, id or 'latest'")->required();
  flags->repository.Add(verb);
  flags->repository.AddAsOf(verb);
  verb->add_flag("--configs", flags->configs, "Also the configs set on topics");
  verb->add_flag("--metadata", flags->metadata,
                 "Also ACLs, quotas, SCRAM users, dynamic configs, features and log directories");
  verb->footer("Example:\n  maxbrod show nightly --repo file:///backups/kafka --metadata");
  verb->callback(
      [flags, &globals] { globals.action = [flags, &globals] { return Run(*flags, globals); }; });
}

}  // namespace maxbrod::cli
