#include "aws/credentials_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws/credentials_container.h"
#include "aws/credentials_endpoint.h"
#include "aws/credentials_fake_testing.h"
#include "aws/uri.h"
#include "base/user_time.h"

namespace maxbrod::aws {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kConfig = "/home/a/.aws/config";
constexpr const char* kCredentials = "/home/a/.aws/credentials";

std::string StsXml(const std::string& action, const std::string& key,
                   const std::string& expires = "2030-01-01T00:00:00Z") {
  return "<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + action +
         "Result><Credentials><AccessKeyId>" + key +
         "</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey><SessionToken>tok&amp;en"
         "</SessionToken><Expiration>" +
         expires + "</Expiration></Credentials></" + action + "Result></" + action + "Response>";
}

std::string KeysJson(const std::string& key, const std::string& expires = "2030-01-01T00:00:00Z") {
  return R"({"Code":"Success","AccessKeyId":")" + key +
         R"(","SecretAccessKey":"json-secret","Token":"json-token","Expiration":")" + expires +
         "\"}";
}

class Chain : public testing::Test {
 protected:
  Result<Credentials> Get(const CredentialsOptions& options = {}) {
    return MakeCredentials(world_.needs, options)->Get({});
  }
  // The key id, or "error: ...".
  std::string Key(const CredentialsOptions& options = {}) {
    auto got = Get(options);
    return got.ok() ? got->access_key_id : "error: " + got.status().ToString();
  }
  void Set(const std::string& name, const std::string& value) {
    world_.environment.variables[name] = value;
  }
  void File(const std::string& path, const std::string& text) {
    world_.environment.files[path] = text;
  }

  FakeWorldOfAws world_;
};

TEST_F(Chain, NothingFoundListsEveryPlace) {
  auto got = Get();
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.status().code(), Code::kNotFound);
  for (const char* text :
       {"environment variables: AWS_ACCESS_KEY_ID",
        "web identity token: AWS_WEB_IDENTITY_TOKEN_FILE",
        "profile 'default': it is not in '/home/a/.aws/config'", "container endpoint: neither",
        "EC2 instance metadata: nobody answers at http://169.254.169.254"})
    EXPECT_THAT(got.status().message(), HasSubstr(text));
}

TEST_F(Chain, EnvironmentComesFirst) {
  Set("AWS_ACCESS_KEY_ID", "AKENV");
  Set("AWS_SECRET_ACCESS_KEY", "s");
  Set("AWS_SESSION_TOKEN", "t");
  Set("AWS_PROFILE", "x");
  auto got = Get();
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(*got, (Credentials{"AKENV", "s", "t", 0, "environment variables"}));
  EXPECT_TRUE(world_.http.seen().empty());
}

TEST_F(Chain, HalfAnEnvironmentIsAnErrorNotAnotherIdentity) {
  Set("AWS_ACCESS_KEY_ID", "AKENV");
  File(kConfig, "[default]\naws_access_key_id=A\naws_secret_access_key=B\n");
  EXPECT_THAT(Key(), HasSubstr("AWS_SECRET_ACCESS_KEY is not"));
}

TEST_F(Chain, AProfileThatWasAskedForGoesBeforeTheEnvironment) {
  Set("AWS_ACCESS_KEY_ID", "AKENV");
  Set("AWS_SECRET_ACCESS_KEY", "s");
  File(kConfig, "[profile x]\naws_access_key_id=AKX\naws_secret_access_key=B\n");
  EXPECT_EQ(Key({.profile = "x"}), "AKX");
  EXPECT_THAT(Key({.profile = "y"}), HasSubstr("error: profile 'y': it is not in"));
}

TEST_F(Chain, AProfileOfTheEnvironmentMustExist) {
  Set("AWS_PROFILE", "gone");
  EXPECT_THAT(Key(), HasSubstr("profile 'gone': it is not in"));
  EXPECT_TRUE(world_.http.seen().empty()) << "nobody else may be asked";
}

TEST_F(Chain, KeysThatSomebodyRenewedInTheFileAreFound) {
  auto keys = [](const std::string& id) {
    return "[default]\naws_access_key_id=" + id + "\naws_secret_access_key=s\n" +
           "aws_session_token=of " + id + "\n";
  };
  File(kCredentials, keys("AK1"));
  auto provider = MakeCredentials(world_.needs, {});
  auto first = provider->Get({});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->access_key_id, "AK1");
  File(kCredentials, keys("AK2"));
  EXPECT_EQ(provider->Get({})->access_key_id, "AK1") << "nobody has refused them yet";
  provider->Refused(*first);
  auto second = provider->Get({});
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->access_key_id, "AK2");
  EXPECT_EQ(second->session_token, "of AK2");
  // Caught while it is being written: what it said before is tried again.
  for (const char* half : {"", "[default]\naws_access_key_id=AK3\n", "[defa"}) {
    File(kCredentials, half);
    provider->Refused(*second);
    auto kept = provider->Get({});
    ASSERT_TRUE(kept.ok()) << half;
    EXPECT_EQ(kept->access_key_id, "AK2") << half;
  }
  File(kCredentials, keys("AK4"));
  provider->Refused(*second);
  EXPECT_EQ(provider->Get({})->access_key_id, "AK4");
}

TEST_F(Chain, WebIdentityReadsTheTokenAnew) {
  Set("AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
  Set("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod");
  Set("AWS_REGION", "eu-west-1");
  File("/token", "first\n");
  world_.clock.Advance(Millis(1));
  int calls = 0;
  world_.handler = [&](const SeenRequest&) {
    return Answer(200, StsXml("AssumeRoleWithWebIdentity", "AK" + std::to_string(++calls),
                              FormatUserTime(world_.clock.WallMillis() + 3'600'000)));
  };
  auto provider = MakeCredentials(world_.needs);
  auto got = provider->Get({});
  ASSERT_TRUE(got.ok()) << got.status().ToString();
  EXPECT_EQ(got->session_token, "tok&en");
  EXPECT_EQ(world_.http.seen()[0].url, "https://sts.eu-west-1.amazonaws.com/");
  EXPECT_THAT(world_.http.seen()[0].body, HasSubstr("&WebIdentityToken=first"));
  EXPECT_EQ(world_.http.seen()[0].Header("authorization"), "");
  File("/token", "second");
  world_.clock.Advance(std::chrono::minutes(58));
  EXPECT_EQ(provider->Get({})->access_key_id, "AK2");
  EXPECT_THAT(world_.http.seen()[1].body, EndsWith("&WebIdentityToken=second"));
}

TEST_F(Chain, RolesOneBehindTheOther) {
  File(kConfig,
       "[profile last]\nrole_arn = arn:aws:iam::1:role/last\nsource_profile = middle\n"
       "external_id = x/1\nduration_seconds = 900\nrole_session_name = me\nregion=eu-west-1\n"
       "[profile middle]\nrole_arn = arn:aws:iam::1:role/middle\nsource_profile = keys\n");
  File("/home/a/.aws/credentials",
       "[keys]\naws_access_key_id = AKBASE\naws_secret_access_key = s\n");
  world_.handler = [&](const SeenRequest& request) {
    bool last = request.body.find("role%2Flast") != std::string::npos;
    return Answer(200, StsXml("AssumeRole", last ? "AKLAST" : "AKMIDDLE"));
  };
  EXPECT_EQ(Key({.profile = "last"}), "AKLAST");
  auto seen = world_.http.seen();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].url, "https://sts.eu-west-1.amazonaws.com/");
  EXPECT_THAT(seen[0].Header("authorization"), HasSubstr("Credential=AKBASE/"));
  EXPECT_THAT(seen[1].Header("authorization"), HasSubstr("Credential=AKMIDDLE/"));
  EXPECT_THAT(seen[1].Header("authorization"), HasSubstr("/eu-west-1/sts/aws4_request"));
  EXPECT_EQ(seen[1].Header("x-amz-security-token"), "tok&en");
  EXPECT_THAT(seen[1].body, HasSubstr("&RoleSessionName=me&ExternalId=x%2F1&DurationSeconds=900"));
}

TEST_F(Chain, AProfileMayAssumeItsRoleWithItsOwnKeys) {
  File(kConfig,
       "[profile "
       "x]\nrole_arn=arn:r\nsource_profile=x\naws_access_key_id=AK\naws_secret_access_key=s\n");
  world_.handler = [&](const SeenRequest&) { return Answer(200, StsXml("AssumeRole", "AKR")); };
  EXPECT_EQ(Key({.profile = "x"}), "AKR");
}

TEST_F(Chain, CirclesAreRefused) {
  File(kConfig,
       "[profile a]\nrole_arn=r\nsource_profile=b\n[profile b]\nrole_arn=r\nsource_profile=c\n"
       "[profile c]\nrole_arn=r\nsource_profile=a\n");
  EXPECT_THAT(Key({.profile = "a"}), HasSubstr("a -> b -> c -> a"));
}

TEST_F(Chain, WhatAProfileLacksIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"role_arn=r", "neither source_profile"},
      {"role_arn=r\nsource_profile=nowhere", "source_profile 'nowhere' is not in"},
      {"role_arn=r\nsource_profile=s\ncredential_source=Environment", "both"},
      {"role_arn=r\ncredential_source=Moon", "no credential_source 'Moon'"},
      {"role_arn=r\nsource_profile=x\nmfa_serial=m", "mfa_serial"},
      {"role_arn=r\nsource_profile=x\nduration_seconds=5", "duration_seconds"},
      {"aws_access_key_id=A", "one is missing"},
      {"sso_start_url=https://x", "SSO"},
      {"region=eu-west-1", "neither keys nor role_arn"},
  };
  for (const auto& [text, expected] : cases) {
    File(kConfig, std::string("[profile x]\n") + text + "\n");
    EXPECT_THAT(Key({.profile = "x"}), HasSubstr(expected)) << text;
  }
}

TEST_F(Chain, ARoleWithCredentialsOfTheContainer) {
  File(kConfig, "[profile x]\nrole_arn=arn:r\ncredential_source=EcsContainer\n");
  Set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/creds?id=1");
  world_.handler = [&](const SeenRequest& request) {
    return request.method == "GET" ? Answer(200, KeysJson("AKECS"))
                                   : Answer(200, StsXml("AssumeRole", "AKR"));
  };
  EXPECT_EQ(Key({.profile = "x"}), "AKR");
  EXPECT_EQ(world_.http.seen()[0].url, "http://169.254.170.2/creds?id=1");
  EXPECT_EQ(world_.http.seen()[1].Header("x-amz-security-token"), "json-token");
}

TEST_F(Chain, ARefusedRoleNamesIt) {
  File(kConfig,
       "[profile "
       "x]\nrole_arn=arn:r\nsource_profile=x\naws_access_key_id=AK\naws_secret_access_key="
       "topsecret\n");
  world_.handler = [&](const SeenRequest&) {
    return Answer(403,
                  "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>"
                  "User x is not authorized</Message></Error></ErrorResponse>");
  };
  auto got = Get({.profile = "x"});
  EXPECT_EQ(got.status().code(), Code::kPermission);
  EXPECT_THAT(got.status().message(), HasSubstr("AssumeRole of arn:r: AccessDenied: User x"));
  EXPECT_THAT(got.status().hint(), HasSubstr("trust policy"));
  EXPECT_THAT(got.status().message(), Not(HasSubstr("topsecret")));
}

TEST_F(Chain, ARoleOnTopOfTheChain) {
  Set("AWS_ACCESS_KEY_ID", "AKENV");
  Set("AWS_SECRET_ACCESS_KEY", "s");
  Set("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:5000/");
  world_.handler = [&](const SeenRequest&) { return Answer(200, StsXml("AssumeRole", "AKR")); };
  EXPECT_EQ(Key({.role_arn = "arn:r", .role_external_id = "e"}), "AKR");
  EXPECT_EQ(world_.http.seen()[0].url, "http://127.0.0.1:5000/");
  EXPECT_THAT(world_.http.seen()[0].body, HasSubstr("ExternalId=e"));
}

TEST_F(Chain, AProgram) {
  File(kConfig, "[default]\ncredential_process = /bin/keys --for me\n");
  world_.environment.programs["/bin/keys --for me"] =
      R"({"Version":1,"AccessKeyId":"AKP","SecretAccessKey":"s","SessionToken":"t"})";
  auto got = Get();
  ASSERT_TRUE(got.ok()) << got.status().ToString();
  EXPECT_EQ(got->session_token, "t");
  world_.environment.programs["/bin/keys --for me"] =
      R"({"AccessKeyId":"A","SecretAccessKey":"s"})";
  EXPECT_THAT(Key(), HasSubstr("Version 1"));
  world_.environment.programs.clear();
  EXPECT_THAT(Key(), HasSubstr("exit code 127"));
}

TEST_F(Chain, ContainerTokenFromItsFile) {
  Set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
  Set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token");
  Set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "not this one");
  File("/token", "Bearer abc");
  world_.handler = [&](const SeenRequest&) { return Answer(200, KeysJson("AKPOD")); };
  EXPECT_EQ(Key(), "AKPOD");
  EXPECT_EQ(world_.http.seen()[0].Header("authorization"), "Bearer abc");
  File("/token", "Bearer abc\r\nX-Evil: 1");
  EXPECT_THAT(Key(), HasSubstr("line break"));
}

TEST_F(Chain, AContainerThatRefusesEndsTheSearch) {
  Set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x");
  world_.handler = [&](const SeenRequest&) {
    return Answer(403, R"({"code":"AccessDenied","message":"no"})");
  };
  EXPECT_THAT(Key(), HasSubstr("it answered 403, AccessDenied, no"));
}

TEST_F(Chain, TroubleThatMayPassIsTriedAgain) {
  Set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x");
  int calls = 0;
  world_.handler = [&](const SeenRequest&) -> Result<HttpResponse> {
    if (++calls == 1) return NobodyThere();
    return calls == 2 ? Answer(500) : Answer(200, KeysJson("AK"));
  };
  EXPECT_EQ(Key(), "AK");
}

TEST(ContainerHosts, OnlyThoseThatAwsNames) {
  for (const char* url : {"https://anywhere/x", "http://169.254.170.2/x", "http://127.0.0.1:80/x",
                          "http://[::1]/x", "http://[fd00:ec2::23]/x", "http://localhost/"})
    EXPECT_TRUE(MayAskForCredentials(url)) << url;
  for (const char* url :
       {"http://10.0.0.1/", "http://127.0.0.1.evil.example/", "http://localhost@evil/",
        "http://169.254.170.2@evil/", "ftp://127.0.0.1/", "http://[::2]/", ""})
    EXPECT_FALSE(MayAskForCredentials(url)) << url;
}

// The instance's side of IMDSv2.
HttpResponse Instance(const SeenRequest& request, const std::string& keys) {
  if (request.method == "PUT") {
    bool good = request.url.ends_with("/latest/api/token") &&
                request.Header("x-aws-ec2-metadata-token-ttl-seconds") == "21600";
    return good ? Answer(200, "imds-token") : Answer(400);
  }
  if (request.Header("x-aws-ec2-metadata-token") != "imds-token") return Answer(401);
  if (request.url.ends_with("/security-credentials/")) return Answer(200, "my-role\n");
  if (request.url.ends_with("/security-credentials/my-role")) return Answer(200, keys);
  if (request.url.ends_with("/placement/region")) return Answer(200, "eu-north-1");
  return Answer(404);
}

TEST_F(Chain, TheInstancesRole) {
  world_.handler = [](const SeenRequest& r) { return Instance(r, KeysJson("AKEC2")); };
  auto got = Get();
  ASSERT_TRUE(got.ok()) << got.status().ToString();
  EXPECT_EQ(got->access_key_id, "AKEC2");
  EXPECT_EQ(got->source, "EC2 instance metadata, role my-role");
  EXPECT_THAT(world_.http.seen()[0].url, StartsWith("http://169.254.169.254/"));
  EXPECT_EQ(*ResolveRegion(world_.needs, "", {}), "eu-north-1");
}

TEST_F(Chain, MetadataCanBeSwitchedOffOrMoved) {
  world_.handler = [](const SeenRequest& r) { return Instance(r, KeysJson("AKEC2")); };
  Set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1/");
  EXPECT_EQ(Key(), "AKEC2");
  EXPECT_THAT(world_.http.seen()[0].url, StartsWith("http://127.0.0.1:1/latest/api/token"));
  size_t before = world_.http.seen().size();
  Set("AWS_EC2_METADATA_DISABLED", "TRUE");
  EXPECT_THAT(Key(), HasSubstr("AWS_EC2_METADATA_DISABLED is true"));
  EXPECT_EQ(world_.http.seen().size(), before);
}

TEST_F(Chain, AnInstanceThatHandsOutExpiredOnesIsUsedForAWhile) {
  world_.handler = [](const SeenRequest& r) {
    return Instance(r, KeysJson("AK", "2020-01-01T00:00:00Z"));
  };
  auto got = Get();
  ASSERT_TRUE(got.ok()) << got.status().ToString();
  EXPECT_GT(got->expires_ms, world_.clock.WallMillis());
}

TEST_F(Chain, Regions) {
  Set("AWS_EC2_METADATA_DISABLED", "true");
  auto none = ResolveRegion(world_.needs, "", {});
  EXPECT_EQ(none.status().code(), Code::kNotFound);
  EXPECT_THAT(none.status().message(), HasSubstr("AWS_EC2_METADATA_DISABLED"));
  File(kConfig, "[default]\nregion=a-1\n[profile x]\nregion=b-1\n");
  EXPECT_EQ(*ResolveRegion(world_.needs, "", {}), "a-1");
  EXPECT_EQ(*ResolveRegion(world_.needs, "x", {}), "b-1");
  Set("AWS_DEFAULT_REGION", "c-1");
  EXPECT_EQ(*ResolveRegion(world_.needs, "x", {}), "c-1");
  Set("AWS_REGION", "d-1");
  EXPECT_EQ(*ResolveRegion(world_.needs, "x", {}), "d-1");
  Set("AWS_REGION", "evil.example/");
  EXPECT_EQ(ResolveRegion(world_.needs, "x", {}).status().code(), Code::kInvalidArgument);
}

TEST(Endpoints, VariablesAndPartitions) {
  FakeEnvironment environment;
  EXPECT_EQ(ServiceEndpoint(environment, "KMS", "kms", "eu-west-1"),
            "https://kms.eu-west-1.amazonaws.com");
  EXPECT_EQ(ServiceEndpoint(environment, "KMS", "kms", "cn-north-1"),
            "https://kms.cn-north-1.amazonaws.com.cn");
  environment.variables["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1/";
  EXPECT_EQ(ServiceEndpoint(environment, "KMS", "kms", "x", "http://p"), "http://127.0.0.1:1");
  environment.variables["AWS_ENDPOINT_URL_KMS"] = "http://127.0.0.1:2";
  EXPECT_EQ(ServiceEndpoint(environment, "KMS", "kms", "x"), "http://127.0.0.1:2");
  environment.variables["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  EXPECT_EQ(ServiceEndpoint(environment, "KMS", "kms", "x"), "https://kms.x.amazonaws.com");
}

TEST(Programs, OutputComesBackAndFailuresSayNothing) {
  Environment& environment = Environment::System();
  EXPECT_EQ(*environment.Run("printf '%s' hello", {}), "hello");
  auto failed = environment.Run("echo secret; exit 3", {});
  EXPECT_EQ(failed.status().message(), "it ended with exit code 3");
  CallContext soon = CallContext{}.Within(Millis(200));
  EXPECT_EQ(environment.Run("sleep 60", soon).status().code(), Code::kTimeout);
  EXPECT_EQ(environment.Run("yes", {}).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace maxbrod::aws
