/* A program that opens the library by name, and closes it while it has threads: it stays loaded. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "bacalhau_runtime.h"

static bh_view text(const char *text) {
    bh_view view = {(const uint8_t *)text, strlen(text)};
    return view;
}

int main(void) {
    for (int i = 0; i < 2; i++) {
        void *library = dlopen("libbacalhau_runtime.so.1", RTLD_NOW | RTLD_LOCAL);
        if (library == NULL) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        int32_t (*runtime_new)(bh_view, bh_runtime **, bh_error **) = NULL;
        int32_t (*load)(const bh_runtime *, bh_view, bh_module **, bh_error **) = NULL;
        *(void **)&runtime_new = dlsym(library, "bh_runtime_new");
        *(void **)&load = dlsym(library, "bh_module_load");
        bh_runtime *runtime = NULL;
        bh_module *module = NULL;
        if (runtime_new(text("{}"), &runtime, NULL) != BH_OK) return 2;
        if (load(runtime, text("(module (func (export \"_start\")))"), &module, NULL) != BH_OK) return 3;
        if (dlclose(library) != 0) return 4;
        /* Its threads wait for work. */
        if (load(runtime, text("(module (func (export \"_start\") nop))"), &module, NULL) != BH_OK) return 5;
    }
    return 0;
}
