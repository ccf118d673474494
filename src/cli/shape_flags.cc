#include "cli/shape_flags.h"

#include "engine/restore_profile.h"

namespace maxbrod::cli {

void ShapeFlags::Add(CLI::App* verb) {
  auto* parts_flag =
      verb->add_option("--parts", parts,
                       "What is restored: topics, data, groups, acls, quotas, users, configs; "
                       "metadata (all but data and groups), all (default: topics,data,groups)")
          ->delimiter(',')
          ->allow_extra_args(false);
  verb->add_flag("--no-groups", no_groups, "Leave consumer groups alone")->excludes(parts_flag);
  verb->add_option("--if-exists", if_exists,
                   "For what the target has already: skip, overwrite or fail; for one kind "
                   "KIND=POLICY, e.g. topics=skip (may be repeated; default: topics fail, groups "
                   "overwrite, the rest skip)")
      ->delimiter(',')
      ->allow_extra_args(false);
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
