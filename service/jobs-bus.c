/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The D-Bus face of jobs: org.ipcbus1.Job at /org/ipcbus1/job/SERIAL. */
#include <errno.h>
#include <systemd/sd-bus.h>

#include "authorise.h"
#include "jobs.h"
#include "protocol.h"
#include "record-bus.h"

static int get_string(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        const Job *job = userdata;
        const char *text = property[0] == 'K'   ? job->kind
                           : property[0] == 'S' ? job_state_name(job->state)
                                                : job->message;

        return sd_bus_message_append(reply, "s", text);
}

static int get_owner(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
        void *userdata, sd_bus_error *ret_error) {
        const Job *job = userdata;

        return sd_bus_message_append(reply, "u", (uint32_t)job->uid);
}

static int get_results(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        const Job *job = userdata;

        return bus_append_records(reply, (Record *const *)job->results->pdata, job->results->len);
}

static int method_cancel(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        Error error = {};
        Job *job = userdata;
        int r;

        r = authorise(message, job->uid, &error);
        if (r >= 0)
                r = job_cancel(job, &error);
        if (r < 0)
                return bus_set_error(ret_error, &error);
        return sd_bus_reply_method_return(message, NULL);
}

static const sd_bus_vtable job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Kind", "s", get_string, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Owner", "u", get_owner, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Started", "t", NULL, offsetof(Job, started), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("State", "s", get_string, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Progress", "d", NULL, offsetof(Job, progress), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Message", "s", get_string, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Ended", "t", NULL, offsetof(Job, ended), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Results", "aa{sv}", get_results, 0, 0),
        SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("Record", SD_BUS_ARGS("a{sv}", record), 0),
        SD_BUS_SIGNAL_WITH_ARGS("Finished", SD_BUS_ARGS("s", state, "a{sv}", summary), 0),
        SD_BUS_VTABLE_END,
};

static int find_job(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
        sd_bus_error *ret_error) {
        Job *job = jobs_find(userdata, path);

        if (!job)
                return 0;
        *ret_found = job;
        return 1;
}

static int enumerate_jobs(
        sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *ret_error) {
        *ret_nodes = jobs_paths(userdata);
        return 0;
}

int jobs_bus_register(Jobs *jobs, Manager *manager) {
        int r;

        r = sd_bus_add_fallback_vtable(
                manager->bus, NULL, IPCBUS_JOB_PATH, IPCBUS_INTERFACE_JOB, job_vtable, find_job, jobs);
        if (r < 0)
                return r;
        return sd_bus_add_node_enumerator(manager->bus, NULL, IPCBUS_JOB_PATH, enumerate_jobs, jobs);
}

void job_bus_added(Manager *manager, const Job *job) {
        (void)sd_bus_emit_object_added(manager->bus, job->path);
}

void job_bus_removed(Manager *manager, const Job *job) {
        (void)sd_bus_emit_object_removed(manager->bus, job->path);
}

void job_bus_progress(Manager *manager, const Job *job) {
        (void)sd_bus_emit_properties_changed(
                manager->bus, job->path, IPCBUS_INTERFACE_JOB, "Progress", "Message", NULL);
}

static void emit_with_record(
        Manager *manager, const Job *job, const char *member, const char *state, const Record *record) {
        sd_bus_message *signal = NULL;
        int r;

        r = sd_bus_message_new_signal(manager->bus, &signal, job->path, IPCBUS_INTERFACE_JOB, member);
        if (r >= 0 && state)
                r = sd_bus_message_append(signal, "s", state);
        if (r >= 0)
                r = bus_append_record(signal, record);
        if (r >= 0)
                (void)sd_bus_send(manager->bus, signal, NULL);
        sd_bus_message_unref(signal);
}

void job_bus_record(Manager *manager, const Job *job, const Record *record) {
        emit_with_record(manager, job, "Record", NULL, record);
}

void job_bus_finished(Manager *manager, const Job *job) {
        __attribute__((cleanup(record_freep))) Record *summary = job_summary(job);

        (void)sd_bus_emit_properties_changed(
                manager->bus, job->path, IPCBUS_INTERFACE_JOB, "State", "Progress", "Message", "Ended", NULL);
        if (summary)
                emit_with_record(manager, job, "Finished", job_state_name(job->state), summary);
}
