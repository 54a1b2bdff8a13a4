"""
### Approve a plan

Asks whether the plan of a dry run may be carried out: as a required action in Airflow (**Browse → Required Actions**),
beside the page *First sync* of the console, where each record of the plan can be looked at. The button *Ask in Airflow*
on that page starts it.

**Run by hand**: *Trigger*, and enter the id of the plan: the flow, a slash, the run id of the dry run.

1. `describe` puts into words what would be done.
2. `approve` waits for an answer, up to seven days. Nobody is needed in the console: whoever may answer required actions
   of this DAG may approve.
3. `decide` keeps the answer with the name of who gave it. If nobody answered, the plan stays to be decided.
4. `carry_out` starts the flow in mode *plan*; a refused plan ends here, skipped.

**If it fails**, the plan was decided on elsewhere, or a record was taken out of it since the question was asked: the
end of the log names it. Start it again, and the question names the plan as it is then.
"""

from shopify_fw360.airflow.approval_dag import approval_dag

dag = approval_dag("plan_approval", __doc__)
