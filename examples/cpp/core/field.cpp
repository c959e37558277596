#include "field.h"

#include <algorithm>
#include <cmath>

#include "text.h"

namespace surgery {

InputError Field::error(const std::string& expected) const {
    constexpr std::size_t kLongest = 60;
    using Json = nlohmann::json;
    std::string got = value_->dump(-1, ' ', true, Json::error_handler_t::replace);
    if (got.size() > kLongest) {
        got = got.substr(0, kLongest - 3) + "...";
    }
    const std::string where = path_.empty() ? "" : " '" + path_ + "'";
    return InputError(file_ + ":" + where + " expects " + expected + ", got " + got);
}

std::string Field::below(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
}

void Field::expect_object() const {
    if (!value_->is_object()) {
        throw error("an object");
    }
}

bool Field::has(const std::string& key) const {
    expect_object();
    return value_->contains(key);
}

Field Field::operator[](const std::string& key) const {
    if (!has(key)) {
        throw InputError(file_ + ": '" + below(key) + "' is missing");
    }
    return {value_->at(key), file_, below(key)};
}

std::vector<std::pair<std::string, Field>> Field::items() const {
    expect_object();
    std::vector<std::pair<std::string, Field>> entries;
    for (const auto& [key, value] : value_->items()) {
        entries.emplace_back(key, Field(value, file_, below(key)));
    }
    return entries;
}

const Field& Field::only(const std::vector<std::string>& known) const {
    for (const auto& [key, value] : items()) {
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            throw InputError(file_ + ": '" + value.path() +
                             "' is unknown (known: " + listed(known) + ")");
        }
    }
    return *this;
}

std::vector<Field> Field::elements(std::size_t count) const {
    if (!value_->is_array() || (count != 0 && value_->size() != count)) {
        throw error(count == 0 ? "a list" : "a list of " + std::to_string(count));
    }
    std::vector<Field> fields;
    for (std::size_t i = 0; i < value_->size(); ++i) {
        fields.emplace_back(value_->at(i), file_, path_ + "[" + std::to_string(i) + "]");
    }
    return fields;
}

std::string Field::text(const std::vector<std::string>& among) const {
    if (!value_->is_string()) {
        throw error("a string");
    }
    auto text = value_->get<std::string>();
    if (!among.empty() && std::find(among.begin(), among.end(), text) == among.end()) {
        throw error("one of " + listed(among));
    }
    return text;
}

std::int64_t Field::integer(std::int64_t least) const {
    const bool any = least == std::numeric_limits<std::int64_t>::min();
    const bool good = value_->is_number_integer();
    if (!good || value_->get<std::int64_t>() < least) {
        throw error(any ? "an integer" : "an integer of at least " + std::to_string(least));
    }
    return value_->get<std::int64_t>();
}

double Field::number() const {
    if (!value_->is_number() || !std::isfinite(value_->get<double>())) {
        throw error("a finite number");
    }
    return value_->get<double>();
}

bool Field::flag() const {
    if (!value_->is_boolean()) {
        throw error("true or false");
    }
    return value_->get<bool>();
}

}  // namespace surgery
