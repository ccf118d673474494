// maxbrod offsets: where the offsets of the source are on the target of a restore.
#include <algorithm>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/offset_export.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/offset_query.h"

namespace maxbrod::cli {
namespace {

struct OffsetsFlags {
  RepositoryFlags repository;
  std::string restore, target_cluster, topic, format, output;
  int32_t partition = -1;
  int64_t offset = -1;
};

std::string StateName(const format::RestoreRecord& restore) {
  switch (restore.state()) {
    case format::RestoreRecord::BEGUN:
      return "begun";
    case format::RestoreRecord::CREATED:
      return "created";
    case format::RestoreRecord::DONE:
      return "done";
    default:
      return "abandoned";
  }
}

// By name: a record has them as the snapshot has.
std::vector<format::RestoreRecord::Topic> SortedTopics(const format::RestoreRecord& restore) {
  std::vector<format::RestoreRecord::Topic> out(restore.topics().begin(), restore.topics().end());
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.source() < b.source(); });
  return out;
}

nlohmann::json RestoreJson(const format::RestoreRecord& restore) {
  nlohmann::json topics = nlohmann::json::array();
  for (const auto& topic : SortedTopics(restore)) {
    topics.push_back({{"source", topic.source()},
                      {"target", topic.target()},
                      {"partitions", topic.partitions()},
                      {"same_offsets", !topic.dense()}});
  }
  return {{"restore_id", ToHex(AsBytes(restore.restore_id()))},
          {"snapshot_id", ToHex(AsBytes(restore.snapshot_id()))},
          {"target_cluster_id", restore.target_cluster_id()},
          {"state", StateName(restore)},
          {"started_ms", restore.started_ms()},
          {"topics", std::move(topics)}};
}

// Several match: which they are, for the user to choose from.
Status ListRestores(const std::vector<format::RestoreRecord>& found, const OffsetsFlags& flags,
                    const Globals& globals) {
  Table table({"RESTORE", "BEGUN", "STATE", "TARGET CLUSTER", ">TOPICS", ">MAPPED"});
  for (const auto& restore : found) {
    if (globals.json) std::cout << RestoreJson(restore).dump() << "\n";
    auto mapped = std::count_if(restore.topics().begin(), restore.topics().end(),
                                [](const auto& topic) { return topic.dense(); });
    table.Row({ToHex(AsBytes(restore.restore_id())), FormatTime(restore.started_ms()),
               StateName(restore), restore.target_cluster_id(),
               std::to_string(restore.topics_size()), std::to_string(mapped)});
  }
  if (!globals.json) table.Print(std::cout);
  return Status(Code::kInvalidArgument, "'" + flags.restore + "' names several restores")
      .WithHint("give the id of one of them, or --target-cluster");
}

void PrintAnswer(const engine::OffsetAnswer& answer, const Globals& globals) {
  using engine::OffsetMeaning;
  if (globals.json) {
    const char* meaning = answer.meaning == OffsetMeaning::kRecord ? "record"
                          : answer.meaning == OffsetMeaning::kNext ? "next"
                                                                   : "end";
    nlohmann::json out = {{"source_topic", answer.source_topic},
                          {"source_partition", answer.partition},
                          {"source_offset", answer.source_offset},
                          {"target_topic", answer.target_topic},
                          {"target_offset", answer.target_offset},
                          {"same_offsets", answer.same_offsets},
                          {"meaning", meaning}};
    if (answer.record_offset >= 0) out["record_offset"] = answer.record_offset;
    std::cout << out.dump() << "\n";
    return;
  }
  std::cout << answer.target_topic << "-" << answer.partition << " offset " << answer.target_offset;
  if (answer.same_offsets) std::cout << "  (same offsets)";
  if (answer.meaning == OffsetMeaning::kNext) {
    std::cout << "  (the next record that was restored: " << answer.record_offset
              << " on the source)";
  }
  if (answer.meaning == OffsetMeaning::kEnd) std::cout << "  (behind the last restored record)";
  std::cout << "\n";
}

Status PrintOverview(store::Store& store, const format::RestoreRecord& restore,
                     const Globals& globals) {
  nlohmann::json out = RestoreJson(restore);
  std::map<std::pair<std::string, int32_t>, nlohmann::json> maps;
  std::map<std::pair<std::string, int32_t>, std::vector<std::string>> rows;
  Table table(
      {"SOURCE", ">PART", ">START", ">END", "TARGET", ">FROM", ">TO", ">RECORDS", ">RANGES"});
  auto row = [&](const repo::PartitionOffsetMap& m) {
    if (globals.json) {
      maps[{m.source_topic, m.partition}] = {{"source_topic", m.source_topic},
                                             {"source_partition", m.partition},
                                             {"source_start", m.map.source_start()},
                                             {"source_end", m.map.source_end()},
                                             {"target_topic", m.target_topic},
                                             {"target_start", m.map.target_start()},
                                             {"target_end", m.map.end()},
                                             {"records", m.map.records()},
                                             {"ranges", m.map.ranges().size()}};
      return Status::Ok();
    }
    rows[{m.source_topic, m.partition}] = {m.source_topic,
                                           std::to_string(m.partition),
                                           std::to_string(m.map.source_start()),
                                           std::to_string(m.map.source_end()),
                                           m.target_topic,
                                           std::to_string(m.map.target_start()),
                                           std::to_string(m.map.end()),
                                           FormatCount(static_cast<uint64_t>(m.map.records())),
                                           FormatCount(m.map.ranges().size())};
    return Status::Ok();
  };
  MB_RETURN_IF_ERROR(repo::ForEachOffsetMap(store, restore, row, globals.context()));
  if (globals.json) {
    out["maps"] = nlohmann::json::array();
    for (auto& [partition, map] : maps) out["maps"].push_back(std::move(map));
    std::cout << out.dump() << "\n";
    return Status::Ok();
  }
  for (auto& [partition, cells] : rows) table.Row(std::move(cells));
  std::cout << "restore " << ToHex(AsBytes(restore.restore_id())) << ", " << StateName(restore)
            << ", into cluster " << restore.target_cluster_id() << "\n";
  for (const auto& topic : SortedTopics(restore)) {
    if (topic.dense()) continue;
    std::cout << topic.source();
    if (topic.source() != topic.target()) std::cout << " as " << topic.target();
    std::cout << ": same offsets\n";
  }
  if (!table.empty()) table.Print(std::cout);
  return Status::Ok();
}

// What in the flags makes no sense together.
Status CheckFlags(const OffsetsFlags& flags) {
  std::string missing;
  if (flags.offset >= 0 && flags.topic.empty()) missing = "--topic";
  if (flags.offset >= 0 && flags.partition < 0) missing = "--partition";
  if (flags.partition >= 0 && flags.topic.empty()) missing = "--topic";
  if (!missing.empty()) {
    return Status(Code::kInvalidArgument, missing + " is missing")
        .WithHint("one offset is looked up with --topic T --partition P --offset N");
  }
  if (!flags.topic.empty() && flags.offset < 0 && flags.format.empty()) {
    return Status(Code::kInvalidArgument, "--offset or --export is missing");
  }
  return Status::Ok();
}

Status Run(const OffsetsFlags& flags, const Globals& globals) {
  MB_RETURN_IF_ERROR(CheckFlags(flags));
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  MB_ASSIGN_OR_RETURN(
      auto found, engine::FindRestores(*repository->state(), flags.restore, flags.target_cluster));
  if (found.size() > 1) return ListRestores(found, flags, globals);
  const format::RestoreRecord& restore = found.front();
  store::Store& store = repository->store();
  if (flags.offset >= 0) {
    MB_ASSIGN_OR_RETURN(auto answer,
                        engine::LookUpOffset(store, restore, flags.topic, flags.partition,
                                             flags.offset, globals.context()));
    PrintAnswer(answer, globals);
    return Status::Ok();
  }
  if (flags.format.empty()) return PrintOverview(store, restore, globals);
  OffsetExport what;
  what.json = flags.format == "json";
  what.topic = flags.topic;
  what.partition = flags.partition;
  what.output = flags.output;
  what.quiet = globals.quiet;
  return ExportOffsets(store, restore, what, globals.context());
}

}  // namespace

void AddOffsets(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<OffsetsFlags>();
  CLI::App* verb = app.add_subcommand(
      "offsets", "Where the source's offsets are on the target of a restore; export the map");
  verb->add_option("restore", flags->restore,
                   "A restore's id, or the snapshot (name, id, 'latest') that was restored")
      ->required();
  flags->repository.Add(verb);
  flags->repository.AddAsOf(verb);
  verb->add_option("--target-cluster", flags->target_cluster,
                   "Only restores into the cluster with this id");
  verb->add_option("--topic", flags->topic, "Topic, by its name on the source");
  verb->add_option("--partition", flags->partition, "Its partition")->check(CLI::NonNegativeNumber);
  auto* offset = verb->add_option("--offset", flags->offset,
                                  "Look up this offset of the source: the next record to read")
                     ->check(CLI::NonNegativeNumber);
  auto* format = verb->add_option("--export", flags->format,
                                  "Write the whole map as csv or json (one object per line)")
                     ->check(CLI::IsMember({"csv", "json"}))
                     ->excludes(offset);
  verb->add_option("--output", flags->output, "Export into this new file, not to standard output")
      ->type_name("FILE")
      ->needs(format);
  verb->footer(
      "Examples:\n"
      "  maxbrod offsets nightly --repo file:///backups/kafka\n"
      "  maxbrod offsets nightly --repo ... --topic orders --partition 0 --offset 12345\n"
      "  maxbrod offsets nightly --repo ... --export csv --output offsets.csv");
  verb->callback(
      [flags, &globals] { globals.action = [flags, &globals] { return Run(*flags, globals); }; });
}

}  // namespace maxbrod::cli
