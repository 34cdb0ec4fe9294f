// Lists the objects that are left on this machine, and removes those that nobody has open. `ripc gc` does this on the command line.
#include <robustipc.hpp>

#include <cstdio>
#include <cstring>

struct Leftover {
  int number;
};
IPC_DESCRIBE_AS("Leftover", Leftover, 1, number)

int main() {
  // An object that a process has left behind.
  {
    auto region = ipc::shm<Leftover>::open("/example-leftover", ipc::create);
    if (!region) return 1;
  }
  ipc_list_t *list = nullptr;
  if (ipc_list(&list, IPC_KIND_SHM | IPC_KIND_MQ | IPC_KIND_TOPIC) < 0) return 1;
  ipc_object_t object;
  bool is_removed = false;
  while (ipc_list_next(list, &object) == 1) {
    // users_complete says whether the list shows every user. If it does not, nobody can say that the object is unused.
    if (object.users != 0 || std::strncmp(object.name, "/example-leftover", sizeof object.name) != 0) continue;
    std::printf("%s of type %s, %llu bytes, is not in use\n", object.name, object.type_name,
                static_cast<unsigned long long>(object.size));
    is_removed = ipc_remove(object.kind, object.name, object.id) == 0;
  }
  ipc_list_close(list);
  return is_removed ? 0 : 1;
}
