// SPDX-License-Identifier: Apache-2.0

#include "tests/tidy/type_names.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "tests/tidy/words.h"

namespace herald::tidy {
namespace {

using Tokens = std::vector<std::string>;

bool IsWord(const std::string& token) { return IsWordByte(token[0]); }

// A part of a name that may be qualified.
bool IsName(const std::string& token) { return IsWord(token) || token == "::"; }

// Words, `::`, and other bytes one by one.
Tokens TokensOf(absl::string_view statement) {
  Tokens tokens;
  for (size_t i = 0; i < statement.size();) {
    size_t end = i + 1;
    if (IsWordByte(statement[i])) {
      while (end < statement.size() && IsWordByte(statement[end])) ++end;
    } else if (absl::StartsWith(statement.substr(i), "::")) {
      ++end;
    }
    if (statement[i] != ' ') tokens.emplace_back(statement.substr(i, end - i));
    i = end;
  }
  return tokens;
}

// The index behind the bracket that closes the one at `open`.
size_t BehindBracket(const Tokens& tokens, size_t open,
                     const std::string& opening, const std::string& closing) {
  int depth = 0;
  for (size_t i = open; i < tokens.size(); ++i) {
    if (tokens[i] == opening) ++depth;
    if (tokens[i] == closing && --depth == 0) return i + 1;
  }
  return tokens.size();
}

void DropTemplates(Tokens& tokens) {
  while (tokens.size() > 1 && tokens[0] == "template") {
    const size_t end = BehindBracket(tokens, 1, "<", ">");
    tokens.erase(tokens.begin(),
                 tokens.begin() + static_cast<std::ptrdiff_t>(end));
  }
}

// ABSL_LOCKABLE and the like.
bool IsMacro(const std::string& word) {
  return absl::StrContains(word, '_') &&
         std::none_of(word.begin(), word.end(), [](char c) {
           return absl::ascii_islower(static_cast<unsigned char>(c));
         });
}

// The name of the type whose body follows `tokens`, as written: `A::Impl`.
// Empty if no type follows: a function, `struct stat about`, a specialization.
std::string NameBeforeBody(Tokens tokens) {
  DropTemplates(tokens);
  const std::set<std::string> keywords = {"class", "struct", "union", "enum"};
  if (tokens.empty() || keywords.count(tokens[0]) == 0) return "";
  std::string name;
  for (size_t i = 1; i < tokens.size() && tokens[i] != ":";) {
    const std::string& token = tokens[i];
    if (token == "[") {
      i = BehindBracket(tokens, i, "[", "]");
    } else if (token == "(" && IsMacro(tokens[i - 1])) {
      i = BehindBracket(tokens, i, "(", ")");
    } else if (keywords.count(token) > 0 || token == "final" ||
               IsMacro(token)) {
      ++i;
    } else if (token == "::" || name.empty() || absl::EndsWith(name, "::")) {
      if (token != "::" && !IsWord(token)) return "";
      absl::StrAppend(&name, token);
      ++i;
    } else {
      return "";
    }
  }
  return name;
}

class TypeFinder {
 public:
  std::vector<TypeDefinition> Find(const std::vector<std::string>& code) {
    bool in_directive = false;
    for (line_ = 0; line_ < code.size(); ++line_) {
      in_directive |= absl::StartsWith(code[line_], "#");
      if (!in_directive) {
        for (const char c : code[line_]) Take(c);
        Append(' ');
      }
      in_directive = in_directive && absl::EndsWith(code[line_], "\\");
    }
    return types_;
  }

 private:
  // An open brace.
  struct Scope {
    bool is_namespace = false;
    bool is_type = false;
    size_t type = 0;  // The index in `types_` of a type.
  };

  void Take(char c) {
    if (c == '{') {
      Open();
    } else if (c == '}') {
      if (!scopes_.empty()) scopes_.pop_back();
      statement_.clear();
    } else if (c == ';') {
      TakeAlias();
      TakeFriend();
      statement_.clear();
    } else if (c == ':' && IsAccessSpecifier()) {
      statement_.clear();
    } else {
      Append(c);
    }
  }

  void Append(char c) {
    if (c == ' ' && statement_.empty()) return;
    if (statement_.empty()) first_ = line_;
    statement_ += c;
  }

  bool IsAccessSpecifier() const {
    const absl::string_view text = absl::StripAsciiWhitespace(statement_);
    return text == "public" || text == "protected" || text == "private";
  }

  bool IsNested() const {
    return std::any_of(scopes_.begin(), scopes_.end(),
                       [](const Scope& scope) { return !scope.is_namespace; });
  }

  void Open() {
    const Tokens tokens = TokensOf(statement_);
    const std::string name = NameBeforeBody(tokens);
    if (!name.empty()) {
      const size_t colons = name.rfind("::");
      const bool qualified = colons != name.npos;
      types_.push_back({qualified ? name.substr(colons + 2) : name, "",
                        qualified || IsNested(), first_});
    }
    const bool is_namespace =
        std::find(tokens.begin(), tokens.end(), "namespace") != tokens.end();
    scopes_.push_back({is_namespace, !name.empty(), types_.size() - 1});
    statement_.clear();
  }

  void TakeAlias() {
    Tokens tokens = TokensOf(statement_);
    DropTemplates(tokens);
    if (tokens.size() < 4 || tokens[0] != "using" || tokens[2] != "=") return;
    const bool imports =
        tokens.back() == tokens[1] && tokens[tokens.size() - 2] == "::";
    if (imports) return;
    types_.push_back({tokens[1],
                      absl::StrJoin(tokens.begin() + 3, tokens.end(), " "),
                      IsNested(), first_});
  }

  void TakeFriend() {
    if (scopes_.empty() || !scopes_.back().is_type) return;
    const Tokens tokens = TokensOf(statement_);
    if (tokens.size() < 2 || tokens[0] != "friend") return;
    const bool is_type = tokens[1] == "class" || tokens[1] == "struct" ||
                         std::all_of(tokens.begin() + 1, tokens.end(), IsName);
    if (is_type) types_[scopes_.back().type].friends.push_back(tokens.back());
  }

  size_t line_ = 0;
  size_t first_ = 0;       // The line of the first byte of `statement_`.
  std::string statement_;  // Since the last `;`, `{` or `}`.
  std::vector<Scope> scopes_;
  std::vector<TypeDefinition> types_;
};

struct Site {
  std::string at;       // `path:line`.
  std::string meaning;  // Equal for aliases of one text.
  bool nested = false;
};

bool HasAnyWord(absl::string_view text,
                const std::vector<GenericName>& generic) {
  return std::any_of(
      generic.begin(), generic.end(),
      [&](const GenericName& one) { return HasWord(text, one.name); });
}

std::map<std::string, std::vector<Site>> SitesByName(
    const std::vector<SourceFile>& files,
    const std::vector<GenericName>& generic) {
  std::map<std::string, std::vector<Site>> sites;
  for (const SourceFile& file : files) {
    if (std::none_of(
            kProductFolders.begin(), kProductFolders.end(),
            [&](const std::string& folder) { return file.IsIn(folder); })) {
      continue;
    }
    for (const TypeDefinition& type : FindTypes(file)) {
      const std::string at = absl::StrCat(file.path, ":", type.line + 1);
      const bool is_shared =
          !type.aliased.empty() && !HasAnyWord(type.aliased, generic);
      sites[type.name].push_back(
          {at, is_shared ? type.aliased : at, type.nested});
    }
  }
  return sites;
}

}  // namespace

std::vector<TypeDefinition> FindTypes(const SourceFile& file) {
  return TypeFinder().Find(file.code);
}

Findings CheckTypeNames(const std::vector<SourceFile>& files,
                        const std::vector<GenericName>& generic) {
  std::map<std::string, std::vector<Site>> sites = SitesByName(files, generic);
  Findings findings;
  for (const GenericName& one : generic) {
    const std::vector<Site> all = std::move(sites[one.name]);
    sites.erase(one.name);
    if (all.size() < 2) {
      findings.push_back(absl::StrCat(
          one.name, " is no generic name: ", all.size(), " types have it"));
    }
    for (const Site& site : all) {
      if (site.nested) continue;
      findings.push_back(
          absl::StrCat(site.at, ": ", one.name, " is for types in a class"));
    }
  }
  for (const auto& [name, all] : sites) {
    for (const Site& site : all) {
      if (site.meaning == all.front().meaning) continue;
      findings.push_back(absl::StrCat(site.at, ": ", name,
                                      " is also a type in ", all.front().at));
    }
  }
  return findings;
}

Findings CheckFriends(const std::vector<SourceFile>& files) {
  // Where the first type befriends the second.
  std::map<std::pair<std::string, std::string>, std::string> sites;
  for (const SourceFile& file : files) {
    for (const TypeDefinition& type : FindTypes(file)) {
      for (const std::string& other : type.friends) {
        sites.emplace(std::pair(type.name, other),
                      absl::StrCat(file.path, ":", type.line + 1));
      }
    }
  }
  Findings findings;
  for (const auto& [pair, at] : sites) {
    const auto& [name, other] = pair;
    if (name >= other || sites.count({other, name}) == 0) continue;
    findings.push_back(
        absl::StrCat(at, ": ", name, " and ", other, " befriend each other"));
  }
  return findings;
}

}  // namespace herald::tidy
