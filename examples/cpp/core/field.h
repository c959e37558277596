/// Checked access to parsed JSON: a value that is not as expected is named by file and field.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "error.h"

namespace surgery {

/// One value of a JSON document, and where in it the value stands ("preprocess.mean[0]").
class Field {
  public:
    Field(const nlohmann::json& value, std::string file, std::string path = "")
        : value_(&value), file_(std::move(file)), path_(std::move(path)) {}

    /// Names file, field, what was expected and what is there.
    InputError error(const std::string& expected) const;

    /// An entry of an object; it has to be there.
    Field operator[](const std::string& key) const;
    bool has(const std::string& key) const;
    bool null() const { return value_->is_null(); }
    bool is_text() const { return value_->is_string(); }

    /// Keys and values of an object.
    std::vector<std::pair<std::string, Field>> items() const;

    /// Refuse an object's keys that are not known: a misspelt one would change the result.
    const Field& only(const std::vector<std::string>& known) const;

    /// Elements of a list, `count` of them unless it is 0.
    std::vector<Field> elements(std::size_t count = 0) const;

    std::string text(const std::vector<std::string>& among = {}) const;
    std::int64_t integer(std::int64_t least = std::numeric_limits<std::int64_t>::min()) const;
    double number() const;
    bool flag() const;

    const std::string& file() const { return file_; }
    const std::string& path() const { return path_; }

  private:
    std::string below(const std::string& key) const;
    void expect_object() const;

    const nlohmann::json* value_;
    std::string file_;
    std::string path_;
};

}  // namespace surgery
