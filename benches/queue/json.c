/* Writes all results as JSON for other programs; benches/chart draws from it. */
#include "driver.h"

#include <sys/utsname.h>

static void json_string(FILE *file, const char *text) {
  fputc('"', file);
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') fputc('\\', file);
    if ((unsigned char)*text >= ' ') fputc(*text, file);
  }
  fputc('"', file);
}

static void json_field(FILE *file, const char *key, const char *text) {
  fprintf(file, "\"%s\": ", key);
  json_string(file, text);
}

static void json_values(FILE *file, const char *key, const double *values, int number) {
  fprintf(file, ", \"%s\": [", key);
  for (int i = 0; i < number; i++) fprintf(file, "%s%.9g", i ? ", " : "", values[i]);
  fputc(']', file);
}

static void processor_model(char *model, size_t size) {
  char line[256];
  FILE *file = fopen("/proc/cpuinfo", "r");
  snprintf(model, size, "unknown");
  while (file && fgets(line, sizeof line, file)) {
    char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) == 0 && colon) {
      line[strcspn(line, "\n")] = '\0';
      snprintf(model, size, "%s", colon + 2);
      break;
    }
  }
  if (file) fclose(file);
}

void write_json(const char *path) {
  FILE *file = fopen(path, "w");
  REQUIRE(file != NULL);
  struct utsname system;
  char model[256];
  uname(&system);
  processor_model(model, sizeof model);
  fprintf(file, "{\n\"machine\": {");
  json_field(file, "processor", model);
  fprintf(file, ", \"processors\": %ld, ", sysconf(_SC_NPROCESSORS_ONLN));
  json_field(file, "system", system.release);
  fprintf(file, ", ");
  json_field(file, "library", ipc_version());
  fprintf(file, ", \"load_before\": %.2f", load_before);
  fprintf(file, "},\n\"rounds\": %d, \"quick\": %s,\n\"peers\": [", ROUNDS, is_quick ? "true" : "false");
  for (int i = 0; i < peer_count; i++) {
    fprintf(file, "%s\n  {", i ? "," : "");
    json_field(file, "name", peers[i]->name);
    fprintf(file, ", ");
    json_field(file, "how", peers[i]->how);
    fprintf(
      file, ", \"ours\": %s, \"limit\": %s, \"polls\": %s}", peers[i]->abilities & BENCH_OURS ? "true" : "false",
      peers[i]->abilities & BENCH_LIMIT ? "true" : "false", peers[i]->abilities & BENCH_POLLS ? "true" : "false");
  }
  fprintf(file, "\n],\n\"left_out\": [");
  for (int i = 0, written = 0; i < OPTIONAL; i++) {
    if (optional[i].is_built) continue;
    fprintf(file, "%s", written++ ? ", " : "");
    json_string(file, optional[i].name);
  }
  fprintf(file, "],\n\"rows\": [");
  for (int i = 0; i < row_count; i++) {
    const Row *row = &rows[i];
    fprintf(file, "%s\n  {", i ? "," : "");
    json_field(file, "measure", row->measure->key);
    fprintf(file, ", ");
    json_field(file, "unit", row->measure->unit);
    fprintf(file, ", ");
    json_field(file, "peer", row->peer->name);
    fprintf(file, ", \"size\": %zu", sizes[row->size]);
    if (row->why) {
      fprintf(file, ", ");
      json_field(file, "why_not", row->why);
    } else {
      fprintf(
        file, ", \"messages\": %d, \"depth\": %zu, \"median\": %.9g", row->messages, row->depth,
        median_of(row->values, row->rounds));
      if (row->measure->has_samples) fprintf(file, ", \"p99\": %.9g", median_of(row->p99s, row->rounds));
      if (row->measure == &throughput_measure) {
        fprintf(file, ", \"sleeps_per_message\": %.4g", median_of(row->sleeps, row->rounds));
      }
      json_values(file, "values", row->values, row->rounds);
    }
    fputc('}', file);
  }
  fprintf(file, "\n],\n\"growth\": [");
  for (int i = 0; i < growth_count; i++) {
    const Growth *growth = &growths[i];
    fprintf(file, "%s\n  {", i ? "," : "");
    json_field(file, "peer", growth->peer->name);
    fprintf(file, ", \"queued\": %d, \"priorities\": %u, ", levels[growth->level], kinds[growth->kind]);
    if (growth->why) {
      json_field(file, "why_not", growth->why);
    } else {
      fprintf(
        file, "\"pair_ns\": %.6g, \"fill_ns\": %.6g, \"first_receive_ns\": %.6g, \"drain_ns\": %.6g",
        median_of(growth->pair, growth->rounds), median_of(growth->fill, growth->rounds),
        median_of(growth->first, growth->rounds), median_of(growth->drain, growth->rounds));
    }
    fputc('}', file);
  }
  fprintf(file, "\n],\n\"creation\": [");
  for (int i = 0, written = 0; i < creation_count; i++) {
    for (int slots = 0; slots < CREATIONS; slots++) {
      if (creations[i].why[slots] || creations[i].bytes[slots] == 0) continue;
      fprintf(file, "%s\n  {", written++ ? "," : "");
      json_field(file, "peer", creations[i].peer->name);
      fprintf(
        file, ", \"slots\": %d, \"ns\": %.6g, \"bytes\": %.0f}", slot_counts[slots], creations[i].time_ns[slots],
        creations[i].bytes[slots]);
    }
  }
  fprintf(file, "\n],\n\"calls\": [");
  for (int i = 0; i < calls_count; i++) {
    fprintf(file, "%s\n  {", i ? "," : "");
    json_field(file, "peer", calls[i].peer->name);
    fprintf(file, ", ");
    if (calls[i].why) json_field(file, "why_not", calls[i].why);
    else fprintf(file, "\"system_calls\": %.2f, \"allocations\": %.2f", calls[i].calls, calls[i].allocations);
    fputc('}', file);
  }
  fprintf(file, "\n],\n\"targets\": [");
  for (int i = 0; i < target_count; i++) {
    fprintf(file, "%s\n  {", i ? "," : "");
    json_field(file, "what", targets[i].what);
    fprintf(file, ", ");
    json_field(file, "found", targets[i].found);
    fprintf(file, ", ");
    json_field(file, "wanted", targets[i].wanted);
    fprintf(file, ", \"met\": %s}", targets[i].is_met < 0 ? "null" : targets[i].is_met ? "true" : "false");
  }
  fprintf(file, "\n]\n}\n");
  REQUIRE(fclose(file) == 0);
  printf("\n%s is written.\n", path);
}
