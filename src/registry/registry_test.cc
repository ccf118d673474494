#include "registry/registry.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "aws/curl_http.h"
#include "aws/http_server_testing.h"
#include "kafka/client_config.h"

namespace maxbrod::registry {
namespace {

using aws::ServedReply;
using aws::ServedRequest;

// A registry whose answers are scripted: "METHOD target" -> reply; anything else is 404.
class RegistryTest : public testing::Test {
 protected:
  RegistryTest()
      : server_([this](const ServedRequest& request) {
          std::lock_guard lock(mutex_);
          requests_.push_back(request);
          auto found = replies_.find(request.method + " " + request.target);
          if (found == replies_.end())
            return ServedReply{404, {}, R"({"error_code":40401,"message":"not found"})"};
          std::vector<ServedReply>& left = found->second;
          ServedReply reply = left.front();
          if (left.size() > 1) left.erase(left.begin());
          return reply;
        }) {}

  void Reply(const std::string& call, std::vector<ServedReply> replies) {
    replies_[call] = std::move(replies);
  }
  Registry Open(const std::string& url = "",
                const std::map<std::string, std::string>& properties = {}) {
    auto config = ReadRegistryConfig(url.empty() ? server_.url() : url, properties);
    EXPECT_TRUE(config.ok()) << config.status().ToString();
    return Registry(*config, std::make_shared<aws::CurlHttpClient>(), clock_);
  }
  ServedRequest Last() {
    std::lock_guard lock(mutex_);
    return requests_.back();
  }

  FakeClock clock_;
  CallContext context_;
  std::mutex mutex_;
  std::map<std::string, std::vector<ServedReply>> replies_;
  std::vector<ServedRequest> requests_;
  aws::HttpServerForTests server_;
};

TEST_F(RegistryTest, ReadsSubjectsVersionsAndSchemas) {
  Reply("GET /subjects?deleted=true", {{200, {}, R"(["b",":.x:a/1"])"}});
  Reply("GET /subjects?deleted=true&offset=2", {{200, {}, R"(["c"])"}});
  Reply("GET /subjects?deleted=true&offset=3", {{200, {}, "[]"}});
  Reply("GET /contexts", {{200, {}, R"([".",".x"])"}});
  Reply("GET /subjects/%3A.x%3Aa%2F1/versions?deleted=true", {{200, {}, "[2,1]"}});
  Reply("GET /subjects/b/versions/3?deleted=true",
        {{200, {}, R"({"subject":"b","version":3,"id":7,"schema":"\"string\"","schemaType":"JSON",
          "references":[{"name":"n","subject":"a","version":1}],"metadata":{"tags":{}},"x":1})"}});
  Registry registry = Open();
  EXPECT_EQ(*registry.Subjects(context_), (std::vector<std::string>{":.x:a/1", "b", "c"}));
  EXPECT_EQ(*registry.Contexts(context_), std::vector<std::string>{":.x:"});
  EXPECT_EQ(*registry.Versions(":.x:a/1", true, context_), (std::vector<int32_t>{1, 2}));
  EXPECT_TRUE(registry.Versions("gone", false, context_)->empty());
  auto version = registry.Read("b", 3, context_);
  ASSERT_TRUE(version.ok()) << version.status().ToString();
  EXPECT_EQ(version->id(), 7);
  EXPECT_EQ(version->schema_type(), "JSON");
  EXPECT_EQ(version->references(0).subject(), "a");
  EXPECT_EQ(version->metadata(), R"({"tags":{}})");
  EXPECT_EQ(registry.Read("b", 4, context_).status().code(), Code::kNotFound);
}

TEST_F(RegistryTest, LongListsMayComeInPieces) {
  std::string hundred = "[1";
  for (int i = 2; i <= 100; ++i) hundred += "," + std::to_string(i);
  hundred += "]";
  Reply("GET /subjects/paged/versions?deleted=true", {{200, {}, hundred}});
  Reply("GET /subjects/paged/versions?deleted=true&offset=100", {{200, {}, "[101]"}});
  Reply("GET /subjects/old/versions?deleted=false", {{200, {}, hundred}});
  Reply("GET /subjects/old/versions?deleted=false&offset=100", {{200, {}, hundred}});
  Registry registry = Open();
  EXPECT_EQ(registry.Versions("paged", true, context_)->size(), 101u);
  EXPECT_EQ(registry.Versions("old", false, context_)->size(), 100u);
}

TEST_F(RegistryTest, ModesAndLevelsOfASubjectMayBeAbsent) {
  Reply("GET /mode", {{200, {}, R"({"mode":"READWRITE"})"}});
  Reply("GET /config/a",
        {{200, {}, R"({"compatibilityLevel":"FULL","normalize":true,"alias":null})"}});
  Registry registry = Open();
  EXPECT_EQ(*registry.Mode("", context_), "READWRITE");
  EXPECT_EQ(*registry.Mode("a", context_), "");
  auto level = registry.ReadCompatibility("a", context_);
  ASSERT_TRUE(level.ok());
  EXPECT_EQ(*level, (Compatibility{"FULL", R"({"normalize":true})"}));
  // The whole registry's must be there.
  EXPECT_EQ(registry.ReadCompatibility("", context_).status().code(), Code::kNotFound);
}

TEST_F(RegistryTest, ImportModeIsSetByForceAndEmptyMeansNoneOfItsOwn) {
  Reply("PUT /mode/a?force=true", {{200, {}, "{}"}});
  Reply("PUT /config/a", {{200, {}, "{}"}});
  Registry registry = Open();
  EXPECT_TRUE(registry.SetMode("a", "IMPORT", context_).ok());
  EXPECT_EQ(Last().body, R"({"mode":"IMPORT"})");
  EXPECT_TRUE(registry.SetMode("a", "", context_).ok());  // 404: it has none
  EXPECT_EQ(Last().method, "DELETE");
  EXPECT_TRUE(registry.SetCompatibility("a", {"NONE", R"({"normalize":true})"}, context_).ok());
  EXPECT_EQ(Last().body, R"({"compatibility":"NONE","normalize":true})");
  EXPECT_EQ(registry.SetCompatibility("a", {"NONE", "[]"}, context_).code(), Code::kCorrupt);
}

TEST_F(RegistryTest, RegistersWithIdAndVersionAndChecksTheId) {
  Version version;
  version.set_version(4);
  version.set_id(70);
  version.set_schema_type("AVRO");
  version.set_schema("\"int\"");
  Reply("POST /subjects/a/versions", {{200, {}, R"({"id":70})"}, {200, {}, R"({"id":1})"}});
  Registry registry = Open();
  EXPECT_TRUE(registry.Register("a", version, context_).ok());
  EXPECT_EQ(Last().body, R"({"id":70,"schema":"\"int\"","version":4})");
  Status other = registry.Register("a", version, context_);
  EXPECT_EQ(other.code(), Code::kConflict);
  EXPECT_NE(other.message().find("id 1 there instead of 70"), std::string::npos);
}

TEST_F(RegistryTest, WhatMayPassIsTriedAgain) {
  Reply("GET /mode", {{500, {}, R"({"error_code":50004,"message":"no leader"})"},
                      {429, {}, ""},
                      {200, {}, R"({"mode":"READONLY"})"}});
  Registry registry = Open();
  EXPECT_EQ(*registry.Mode("", context_), "READONLY");
  EXPECT_EQ(requests_.size(), 3u);
}

TEST_F(RegistryTest, TheNextUrlIsAskedWhereOneDoesNotAnswer) {
  Reply("GET /mode", {{200, {}, R"({"mode":"READONLY"})"}});
  auto closed = Listener::BindLoopback();
  ASSERT_TRUE(closed.ok());
  std::string nobody = "http://127.0.0.1:" + std::to_string((*closed)->port());
  closed->reset();
  Registry registry = Open(nobody + "," + server_.url());
  EXPECT_EQ(*registry.Mode("", context_), "READONLY");
}

TEST_F(RegistryTest, ErrorsTellTheRegistrysTextAndNeverCredentials) {
  Reply("GET /mode", {{401, {}, "<html>no</html>"},
                      {403, {}, R"({"error_code":40301,"message":"User may not"})"},
                      {200, {}, "[]"},
                      {302, {}, ""}});
  Registry registry = Open("", {{"basic.auth.user.info", "alice:s3cret"}});
  Status status = registry.Mode("", context_).status();
  EXPECT_EQ(status.code(), Code::kAuthentication);
  EXPECT_EQ(status.ToString().find("html"), std::string::npos);
  EXPECT_EQ(Last().headers["authorization"], "Basic YWxpY2U6czNjcmV0");
  Status denied = registry.Mode("", context_).status();
  EXPECT_EQ(denied.code(), Code::kPermission);
  EXPECT_NE(denied.message().find("User may not (40301)"), std::string::npos);
  EXPECT_EQ(registry.Mode("", context_).status().code(), Code::kProtocol);
  EXPECT_EQ(registry.Mode("", context_).status().code(), Code::kProtocol);
}

TEST(RegistryConfigTest, UserAndPasswordAreTakenOutOfTheUrl) {
  auto config = ReadRegistryConfig("https://al%40ice:p%3Aw@sr:8081/base/, http://b:1", {});
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->urls, (std::vector<std::string>{"https://sr:8081/base", "http://b:1"}));
  EXPECT_EQ(config->authorization, "Basic YWxAaWNlOnA6dw==");
  Status refused = ReadRegistryConfig("http://u:secret@:x", {}).status();
  EXPECT_EQ(refused.code(), Code::kInvalidArgument);
  EXPECT_EQ(refused.ToString().find("secret"), std::string::npos);
}

TEST(RegistryConfigTest, PropertiesOfConfluentsClients) {
  auto config = ReadRegistryConfig("", {{"schema.registry.url", "http://sr:8081"},
                                        {"bearer.auth.credentials.source", "STATIC_TOKEN"},
                                        {"bearer.auth.token", "tok"},
                                        {"http.read.timeout.ms", "1500"},
                                        {"schema.registry.ssl.truststore.location", "/ca.pem"},
                                        {"schema.registry.ssl.truststore.type", "PEM"},
                                        {"ssl.truststore.location", "/brokers.jks"}});
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->authorization, "Bearer tok");
  EXPECT_EQ(config->http.ca_file, "/ca.pem");
  EXPECT_EQ(config->http.stall_timeout, Millis(1500));
  auto sasl = ReadRegistryConfig(
      "http://sr", {{"basic.auth.credentials.source", "SASL_INHERIT"},
                    {"security.protocol", "SASL_SSL"},
                    {"sasl.mechanism", "PLAIN"},
                    {"sasl.jaas.config",
                     "org.apache.kafka.common.security.plain.PlainLoginModule required "
                     "username=\"u\" password=\"p\";"}});
  ASSERT_TRUE(sasl.ok()) << sasl.status().ToString();
  EXPECT_EQ(sasl->authorization, "Basic dTpw");
}

TEST(RegistryConfigTest, WhatIsNotKnownIsRefusedByName) {
  using Properties = std::map<std::string, std::string>;
  const std::pair<const char*, const char*> kRefused[] = {
      {"basic.auth.credentials.source", "USER_INFO"},
      {"basic.auth.credentials.source", "CUSTOM"},
      {"bearer.auth.credentials.source", "OAUTHBEARER"},
      {"schema.registry.ssl.truststore.location", "/store.jks"},
      {"schema.registry.ssl.endpoint.identification.algorithm", ""},
      {"http.connect.timeout.ms", "soon"}};
  for (const auto& [name, value] : kRefused) {
    Status status = ReadRegistryConfig("http://sr", Properties{{name, value}}).status();
    EXPECT_FALSE(status.ok()) << name;
    EXPECT_NE(status.ToString().find(std::string(name).substr(0, 10)), std::string::npos)
        << status.ToString();
  }
  EXPECT_EQ(ReadRegistryConfig("", {}).status().code(), Code::kInvalidArgument);
}

TEST(RegistryJsonTest, MalformedAnswersAreRefused) {
  for (const char* text : {"", "{}", "[1]", R"(["a",1])", "[\"\xff\"]"})
    EXPECT_EQ(ParseNames(text).status().code(), Code::kProtocol) << text;
  for (const char* text : {"[0]", "[-1]", "[2147483648]", "[1.5]", R"(["1"])", "1"})
    EXPECT_EQ(ParseVersions(text).status().code(), Code::kProtocol) << text;
  for (const char* text :
       {"[]", R"({"version":1,"id":1})", R"({"version":0,"id":1,"schema":"x"})",
        R"({"version":1,"id":-5,"schema":"x"})", R"({"version":1,"id":1,"schema":{}})",
        R"({"version":1,"id":1,"schema":"x","references":[1]})",
        R"({"version":1,"id":1,"schema":"x","references":[{"name":"a","subject":"b"}]})"})
    EXPECT_EQ(ParseVersion(text).status().code(), Code::kProtocol) << text;
  EXPECT_EQ(ParseNames(std::string(100'000, '[')).status().code(), Code::kProtocol);
  EXPECT_TRUE(ParseNames("null")->empty());
  EXPECT_EQ(ParseError("nothing").code, 0);
  EXPECT_EQ(ParseError(R"({"error_code":42205,"message":"a\nb"})").message, "a b");
}

TEST(RegistryJsonTest, TheSameSchemaMayBeSpacedOtherwise) {
  Version a, b;
  a.set_schema(R"({"type": "record", "name": "r"})");
  b.set_schema(R"({"name":"r","type":"record"})");
  a.set_schema_type("AVRO");
  b.set_schema_type("AVRO");
  EXPECT_TRUE(SameSchema(a, b));
  b.set_rule_set(R"({"domainRules":[]})");
  EXPECT_FALSE(SameSchema(a, b));
  b.clear_rule_set();
  b.add_references()->set_subject("x");
  EXPECT_FALSE(SameSchema(a, b));
  b.clear_references();
  b.set_schema(R"({"name":"s","type":"record"})");
  EXPECT_FALSE(SameSchema(a, b));
  a.set_schema_type("PROTOBUF");
  b.set_schema_type("PROTOBUF");
  a.set_schema("message M { }");
  b.set_schema("message M {\n}\n");
  EXPECT_TRUE(SameSchema(a, b));
}

TEST(RegistryJsonTest, ReferencesWithoutAContextAreOfTheirSubjects) {
  EXPECT_EQ(Qualified("a", "b"), "a");
  EXPECT_EQ(Qualified("a", ":.x:b"), ":.x:a");
  EXPECT_EQ(Qualified(":.y:a", ":.x:b"), ":.y:a");
  EXPECT_EQ(Qualified(":.:a", ":.x:b"), "a");
  EXPECT_EQ(ContextOf(":.x:b:c"), ":.x:");
  EXPECT_EQ(ContextOf("x:b"), "");
}

}  // namespace
}  // namespace maxbrod::registry
