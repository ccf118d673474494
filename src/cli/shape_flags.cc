#include "cli/shape_flags.h"

#include <algorithm>
#include <charconv>

#include "engine/restore_profile.h"

namespace maxbrod::cli {
namespace {

Result<std::pair<engine::NamePattern, int32_t>> ParsePartitions(const std::string& text) {
  constexpr int32_t kPartitionsMax = 100'000;
  const size_t equals = text.rfind('=');
  int32_t count = 0;
  if (equals != std::string::npos && equals > 0) {
    const char* end = text.data() + text.size();
    auto [stopped, error] = std::from_chars(text.data() + equals + 1, end, count);
    if (error != std::errc() || stopped != end) count = 0;
  }
  if (count < 1 || count > kPartitionsMax) {
    return Status(Code::kInvalidArgument, "not a number of partitions: '" + text + "'")
        .WithHint("TOPICS=N, e.g. 'orders=12'");
  }
  MB_ASSIGN_OR_RETURN(engine::NamePattern topics,
                      engine::NamePattern::Parse(text.substr(0, equals)));
  return std::pair<engine::NamePattern, int32_t>(std::move(topics), count);
}

}  // namespace

void ShapeFlags::Add(CLI::App* verb) {
  auto* parts_flag =
      verb->add_option(
              "--parts", parts,
              "What is restored: topics, data, groups, acls, quotas, users, configs, "
              "schemas; metadata (all but data and groups), all (default: topics,data,groups)")
          ->delimiter(',')
          ->allow_extra_args(false);
  verb->add_flag("--no-groups", no_groups, "Leave consumer groups alone")->excludes(parts_flag);
  verb->add_option("--if-exists", if_exists,
                   "For what the target has already: skip, overwrite or fail; for one kind "
                   "KIND=POLICY, e.g. topics=skip (may be repeated; default: topics and schemas "
                   "fail, groups overwrite, the rest skip)")
      ->delimiter(',')
      ->allow_extra_args(false);
  metadata.Add(verb)->check(CLI::ExistingFile);
  verb->add_option("--yes-delete", yes_delete,
                   "How many topics of the target are meant to be deleted by --if-exists "
                   "topics=overwrite");
  verb->add_option("--config", config,
                   "[TOPICS:]NAME=VALUE, set on restored topics instead of the source's value (may "
                   "be repeated; TOPICS as for --topics)")
      ->allow_extra_args(false);
  verb->add_option("--without-config", without_config,
                   "[TOPICS:]NAME, left out: the target's default applies (may be repeated)")
      ->allow_extra_args(false);
  verb->add_option("--replication-factor", replication_factor,
                   "A number, source, or fit: the source's, at most as many as the target has "
                   "brokers (default source)");
  verb->add_option(
      "--placement", placement,
      "Where replicas lie: auto (the target's brokers choose), source (the same broker "
      "ids), or a JSON file as kafka-reassign-partitions.sh has it (default auto)");
  verb->add_option("--broker-map", broker_map,
                   "SOURCE=TARGET, broker ids for --placement source (may be repeated)")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--partitions", partitions,
                   "TOPICS=N, more partitions than the source's; needs --offsets TOPICS=dense and "
                   "--partitioner (may be repeated)")
      ->allow_extra_args(false);
  verb->add_option("--partitioner", partitioner,
                   "default: records get the partition that Kafka's Java producer gives their keys")
      ->check(CLI::IsMember({"default"}));
  verb->add_option("--profile", profile,
                   "small: for a test cluster; one replica, min.insync.replicas=1, nothing tiered, "
                   "retention off; other flags win")
      ->check(CLI::IsMember({"small"}));
}

Status ShapeFlags::Fill(engine::RestoreSelection* selection) const {
  MB_RETURN_IF_ERROR(engine::ApplyProfile(profile, selection));
  MB_ASSIGN_OR_RETURN(selection->parts, engine::RestoreParts::Parse(parts));
  if (no_groups) selection->parts.groups = false;
  for (const std::string& text : if_exists) MB_RETURN_IF_ERROR(selection->if_exists.Parse(text));
  selection->yes_delete = yes_delete;
  for (const std::string& text : config)
    MB_RETURN_IF_ERROR(selection->config_rules.AddOverride(text));
  for (const std::string& text : without_config)
    MB_RETURN_IF_ERROR(selection->config_rules.AddLeftOut(text));
  for (const std::string& text : partitions) {
    MB_ASSIGN_OR_RETURN(auto count, ParsePartitions(text));
    selection->partitions.push_back(std::move(count));
  }
  selection->default_partitioner = partitioner == "default";
  MB_ASSIGN_OR_RETURN(selection->passwords, metadata.Passwords());
  selection->broker_configs = metadata.BrokerConfigs();
  MB_ASSIGN_OR_RETURN(selection->registry, metadata.registry.Open());
  const bool named = std::find(parts.begin(), parts.end(), "schemas") != parts.end();
  if (named && selection->registry == nullptr) {
    return Status(Code::kInvalidArgument, "--parts schemas needs a Schema Registry to go to")
        .WithHint("--schema-registry http://host:8081");
  }
  if (selection->registry != nullptr && !selection->parts.schemas) {
    return Status(Code::kInvalidArgument,
                  "--schema-registry was given, and no schemas are restored")
        .WithHint("--parts topics,data,groups,schemas, or --parts all");
  }
  engine::PlacementRule& rule = selection->placement;
  if (!replication_factor.empty()) MB_RETURN_IF_ERROR(rule.ParseFactor(replication_factor));
  if (!placement.empty()) MB_RETURN_IF_ERROR(rule.ParseWhere(placement));
  for (const std::string& text : broker_map) MB_RETURN_IF_ERROR(rule.ParseBrokerMap(text));
  if (!broker_map.empty() && placement != "source") {
    return Status(Code::kInvalidArgument, "--broker-map says nothing without --placement source");
  }
  return Status::Ok();
}

}  // namespace maxbrod::cli
