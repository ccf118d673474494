// AWS's shared config and credentials files ("Shared config and credentials files" in the AWS SDKs
// and Tools Reference Guide).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "aws/credentials_env.h"
#include "base/status.h"

namespace maxbrod::aws {

// A value.
struct Profile {
  std::string name;
  std::map<std::string, std::string> values;  // names in lower case

  // Empty when it is not there.
  const std::string& Get(const std::string& key) const;
  bool Has(const std::string& key) const { return !Get(key).empty(); }
  bool operator==(const Profile&) const = default;
};

// Every profile of both files. What both files say about one profile is put together; where they
// differ the credentials file is right.
class ProfileFiles {
 public:
  // Paths from AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/config and
  // ~/.aws/credentials. A file that does not exist is an empty one. kInvalidArgument names file and
  // line of what cannot be read, never its text.
  static Result<ProfileFiles> Read(Environment& environment);
  // The same from texts; the paths are for messages.
  static Result<ProfileFiles> Parse(std::string_view config, std::string_view credentials,
                                    const std::string& config_path = "config",
                                    const std::string& credentials_path = "credentials");

  // Null when there is none of that name.
  const Profile* Find(const std::string& name) const;
  // "'/home/a/.aws/config' and '/home/a/.aws/credentials'"
  const std::string& where() const { return where_; }
  bool operator==(const ProfileFiles&) const = default;

 private:
  std::map<std::string, Profile> profiles_;
  std::string where_;
};

// AWS_PROFILE, or "default". `explicit_name` wins when it is not empty.
std::string ProfileName(Environment& environment, const std::string& explicit_name);

}  // namespace maxbrod::aws
