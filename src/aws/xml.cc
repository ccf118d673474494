#include "aws/xml.h"

#include <expat.h>
#include <fmt/format.h>

#include <memory>

namespace maxbrod::aws {
namespace {

constexpr size_t kDocumentBytesMax = size_t{64} << 20;  // far from what expat's int could count

// What expat's callbacks fill. Elements are kept by value in their parents' vectors; only the chain
// of open ones is pointed to, and the vector an open element lives in does not grow meanwhile.
struct Builder {
  XML_Parser parser = nullptr;
  XmlLimits limits;
  XmlElement root;  // holds the document's element as its only child
  std::vector<XmlElement*> open;
  size_t elements = 0;
  std::string wrong;

  void Stop(std::string_view why) {
    if (wrong.empty()) wrong = std::string(why);
    XML_StopParser(parser, XML_FALSE);
  }

  static void OnStart(void* self, const XML_Char* name, const XML_Char** /*attributes*/) {
    auto& b = *static_cast<Builder*>(self);
    if (++b.elements > b.limits.elements_max) return b.Stop("too many elements");
    if (b.open.size() > b.limits.depth_max) return b.Stop("nested too deeply");
    std::string_view local(name);
    local.remove_prefix(local.rfind(':') + 1);  // npos + 1 is 0
    XmlElement& child = b.open.back()->children.emplace_back();
    child.name = std::string(local);
    b.open.push_back(&child);
  }
  static void OnEnd(void* self, const XML_Char* /*name*/) {
    auto& b = *static_cast<Builder*>(self);
    if (b.wrong.empty()) b.open.pop_back();  // the end of a refused "<a/>" is still told
  }
  static void OnText(void* self, const XML_Char* text, int size) {
    auto& b = *static_cast<Builder*>(self);
    b.open.back()->text.append(text, static_cast<size_t>(size));
  }
  static void OnDoctype(void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
    static_cast<Builder*>(self)->Stop("it holds a document type");
  }
};

void AppendXml(const XmlElement& element, std::string_view attributes, std::string* out) {
  *out += fmt::format("<{}{}>", element.name, attributes);
  for (const XmlElement& child : element.children) AppendXml(child, "", out);
  if (element.children.empty()) *out += XmlEscape(element.text);
  *out += fmt::format("</{}>", element.name);
}

struct FreeParser {
  void operator()(XML_ParserStruct* parser) const { XML_ParserFree(parser); }
};

}  // namespace

const XmlElement* XmlElement::Child(std::string_view child) const {
  for (const XmlElement& element : children) {
    if (element.name == child) return &element;
  }
  return nullptr;
}

std::string_view XmlElement::Text(std::string_view child) const {
  const XmlElement* found = Child(child);
  return found == nullptr ? std::string_view() : std::string_view(found->text);
}

Result<XmlElement> ParseXml(ByteView document, const XmlLimits& limits) {
  auto malformed = [](std::string_view what) {
    return Status(Code::kProtocol, fmt::format("an XML answer is not usable: {}", what));
  };
  if (document.size() > kDocumentBytesMax) return malformed("too long");
  std::unique_ptr<XML_ParserStruct, FreeParser> parser(XML_ParserCreate(nullptr));
  MB_CHECK(parser != nullptr);
  Builder builder;
  builder.parser = parser.get();
  builder.limits = limits;
  builder.open.push_back(&builder.root);
  XML_SetUserData(parser.get(), &builder);
  XML_SetElementHandler(parser.get(), &Builder::OnStart, &Builder::OnEnd);
  XML_SetCharacterDataHandler(parser.get(), &Builder::OnText);
  XML_SetStartDoctypeDeclHandler(parser.get(), &Builder::OnDoctype);
  XML_Status status = XML_Parse(parser.get(), reinterpret_cast<const char*>(document.data()),
                                static_cast<int>(document.size()), /*isFinal=*/1);
  if (!builder.wrong.empty()) return malformed(builder.wrong);
  if (status != XML_STATUS_OK) {
    return malformed(XML_ErrorString(XML_GetErrorCode(parser.get())));
  }
  return std::move(builder.root.children.front());
}

std::string XmlEscape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&apos;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string ToXmlDocument(const XmlElement& root) {
  std::string out;
  AppendXml(root, " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"", &out);
  return out;
}

}  // namespace maxbrod::aws
